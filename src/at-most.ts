import type { Clock } from './clock.ts';

/** Waits for `work`, but no longer than `ms`; answers whether it has ended. Throws what it does. */
export async function atMost(clock: Clock, ms: number, work: Promise<unknown>): Promise<boolean> {
  let hasEnded = false;
  const over = new AbortController();
  const ended = work.then(() => {
    hasEnded = true;
  });
  // The one that the race leaves behind may fail later: that concerns nobody.
  ended.catch(() => undefined);
  try {
    await Promise.race([ended, clock.sleep(ms, over.signal)]);
    return hasEnded;
  } finally {
    over.abort();
  }
}
