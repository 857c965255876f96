/**
 * What the deciding transaction will not read much for, it asks. The answer is found in snapshots,
 * and still holds when the transaction comes again: see finalizer.ts.
 */
import type { InvocationId } from '../invocations/id.ts';

export type Question =
  /** Which direct inclusion behind this one is the first that is not FINALIZED? */
  | { readonly question: 'inclusion'; readonly after: InvocationId | undefined }
  /** Where does the chain of blockers from here end? */
  | { readonly question: 'chain'; readonly from: InvocationId }
  /** What does the invocation reach that is not FINALIZED? */
  | { readonly question: 'cycle' }
  /** None: a step has been taken, and this is what the next one is to know. */
  | { readonly question: 'next-step'; readonly known: Known };

/** All that has been answered so far; a newer answer replaces an older one. */
export interface Known {
  /** The first direct inclusion that was not FINALIZED; `undefined`: all were. */
  readonly next?: { readonly id: InvocationId | undefined };
  /** The chain from `from` passes `at`, for as long as that is not FINALIZED. */
  readonly chain?: { readonly from: InvocationId; readonly at: InvocationId };
  /** Reachable, and was ACTIVE. */
  readonly active?: InvocationId | undefined;
  /** All that is reachable and was not FINALIZED; nothing of it was ACTIVE. */
  readonly closed?: readonly InvocationId[];
  /** How many of those are certain to be marked, if the set is too large for one transaction. */
  readonly marked?: number;
}

export function isQuestion(answer: unknown): answer is Question {
  return typeof answer === 'object' && answer !== null && 'question' in answer;
}
