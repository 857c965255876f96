/**
 * Retries calls that are safe to repeat, so that a restart of the server fails none of them. Retries are
 * bounded by time and by number, and the user is warned once.
 */
import { retry, systemRandom } from '@postlude/queue/foundations';
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

/** Without an output, no warning is printed. */
export function retryFor(context: CliContext, output?: Output): Retry {
  const { clock } = context;
  let isKnown = false;
  let isTold = false;
  const tell = (error: unknown): void => {
    if (!isTold)
      output?.warn(`${reasonOf(error)}; retrying for ${isKnown ? 'a few minutes' : 'a minute'}`);
    isTold = true;
  };
  return (call, ending) => {
    const giveUpAt = clock.monotonicMs() + GIVE_UP_AFTER_MS[isKnown ? 'known' : 'unknown'];
    const policy = {
      maxAttempts: MAX_ATTEMPTS,
      backoff: BACKOFF,
      clock,
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

/** Returns the first line only. The advice after it is for a server that stays unreachable. */
function reasonOf(error: unknown): string {
  return toRpcFailure(error)?.message.split('\n')[0] ?? '';
}
