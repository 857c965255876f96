/**
 * Tries calls again that are safe to repeat: a server that is restarted in the meantime fails none
 * of them. It is bounded by time and by attempts, and says once that it waits.
 */
import { systemRandom } from '../../random.ts';
import { retry } from '../../retry.ts';
import type { CliContext } from '../context.ts';
import type { Output } from '../terminal/output.ts';
import { isTransientRpcError, toRpcFailure } from './rpc-errors.ts';

/** Makes the call until it is answered, or until trying again cannot help or has lasted too long. */
export type Retry = <T>(call: () => Promise<T>) => Promise<T>;

/**
 * From the first try on; the last one may begin then. A server that has never answered may be a wrong
 * address: whoever mistyped it shall not wait as long as for one that is being restarted.
 */
const GIVE_UP_AFTER_MS = { unknown: 60_000, known: 5 * 60_000 };
const BACKOFF = { initialMs: 200, maxMs: 30_000 };
const MAX_ATTEMPTS = 20;

/** Says nothing without an output. */
export function retryFor(context: CliContext, output?: Output): Retry {
  const { clock, signal } = context;
  let isKnown = false;
  let isTold = false;
  const tell = (error: unknown): void => {
    if (!isTold)
      output?.warn(`${reasonOf(error)}; trying again for ${isKnown ? 'some minutes' : 'a minute'}`);
    isTold = true;
  };
  return (call) => {
    const giveUpAt = clock.monotonicMs() + GIVE_UP_AFTER_MS[isKnown ? 'known' : 'unknown'];
    const policy = {
      ...{ maxAttempts: MAX_ATTEMPTS, backoff: BACKOFF, clock, random: systemRandom, signal },
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

/** Without the advice: that is for those who find the server away for good. */
function reasonOf(error: unknown): string {
  return toRpcFailure(error)?.message.split('\n')[0] ?? '';
}
