/** A call that is refused for now: nothing was done, and the same call may succeed after the told time. */
import { CodedError } from '@postlude/queue/foundations';

/** Why calls are refused, as a metric tells it. */
export const REFUSAL_REASONS = ['rate', 'queue-full', 'waited', 'overload', 'results'] as const;

export type RefusalReason = (typeof REFUSAL_REASONS)[number];

export class Refusal extends CodedError {
  readonly why: RefusalReason;
  readonly retryAfterMs: number;

  constructor(why: RefusalReason, problem: string, retryAfterMs: number) {
    super('resource-exhausted', `${problem}; try again in ${inWords(retryAfterMs)}`);
    this.name = 'Refusal';
    this.why = why;
    this.retryAfterMs = retryAfterMs;
  }
}

function inWords(ms: number): string {
  const seconds = Math.max(1, Math.ceil(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.ceil(minutes / 60)} h`;
}
