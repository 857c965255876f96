/**
 * Retries calls that are safe to repeat, so that a restart of the server fails none of them. Retries are
 * bounded by time and by number, and the user is warned once.
 */
import { type Clock, retry, systemRandom } from '@postlude/queue/foundations';
import type { CliContext } from '../context.ts';
import type { Output } from '../terminal/output.ts';
import { isTransientRpcError, toRpcFailure } from './rpc-errors.ts';

/** Makes the call until it succeeds, until a retry cannot help, until time is up, or `signal` aborts. */
export type Retry = <T>(call: () => Promise<T>, signal?: AbortSignal) => Promise<T>;

/**
 * Counted from the first try; the last one may begin at this time. A server that has never responded may
 * be a mistyped address, for which the user should not wait as long as for a restart.
 */
const GIVE_UP_AFTER_MS = { unknown: 60_000, known: 5 * 60_000 };
const BACKOFF = { initialMs: 200, maxMs: 30_000 };
const MAX_ATTEMPTS = 20;

export interface RetryOptions {
  /** Without an output, no warning is printed. */
  readonly output?: Output | undefined;
  /** How long the user wants calls to be tried again, whether or not the server has responded. */
  readonly retryForMs?: number | undefined;
}

export function retryFor(context: CliContext, { output, retryForMs }: RetryOptions): Retry {
  const { clock } = context;
  let isKnown = false;
  let isTold = false;
  const giveUpAfterMs = (): number => retryForMs ?? GIVE_UP_AFTER_MS[isKnown ? 'known' : 'unknown'];
  const tell = (error: unknown): void => {
    const untilThen = `${giveUpAfterMs() / 1000} s (--retry-for)`;
    if (!isTold) output?.warn(`${reasonOf(error)}; retrying for ${untilThen}`);
    isTold = true;
  };
  return (call, ending) => {
    const giveUpAt = clock.monotonicMs() + giveUpAfterMs();
    const policy = {
      maxAttempts: MAX_ATTEMPTS,
      backoff: BACKOFF,
      clock: sleepingUntil(giveUpAt, clock),
      random: systemRandom,
      signal: ending ? AbortSignal.any([context.signal, ending]) : context.signal,
      isRetryable: (error: unknown) => {
        const isWorthIt = isTransientRpcError(error) && clock.monotonicMs() < giveUpAt;
        if (isWorthIt) tell(error);
        return isWorthIt;
      },
    };
    return retry(policy, async () => {
      const answer = await call();
      isKnown = true;
      return answer;
    });
  };
}

/** No pause goes beyond the time at which the last try may begin. */
function sleepingUntil(end: number, clock: Clock): Clock {
  return {
    now: () => clock.now(),
    monotonicMs: () => clock.monotonicMs(),
    sleep: (ms, signal) => clock.sleep(Math.min(ms, end - clock.monotonicMs()), signal),
  };
}

/** Returns the first line only. The advice after it is for a server that stays unreachable. */
function reasonOf(error: unknown): string {
  return toRpcFailure(error)?.message.split('\n')[0] ?? '';
}
