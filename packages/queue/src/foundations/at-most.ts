import type { Clock } from './clock.ts';

/** Waits for `work`, but no longer than `ms`, and returns whether it has ended. Throws its error. */
export async function atMost(clock: Clock, ms: number, work: Promise<unknown>): Promise<boolean> {
  let hasEnded = false;
  const over = new AbortController();
  const ended = work.then(() => {
    hasEnded = true;
  });
  // If the wait ends first, a later failure of `work` is ignored.
  ended.catch(() => undefined);
  try {
    await Promise.race([ended, clock.sleep(ms, over.signal)]);
    return hasEnded;
  } finally {
    over.abort();
  }
}
