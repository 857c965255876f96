import type { Clock } from '../clock.ts';

/** Waits for `work`, but no longer than `ms`; answers whether it has ended. Throws what it does. */
export async function atMost(clock: Clock, ms: number, work: Promise<unknown>): Promise<boolean> {
  const ended = new AbortController();
  const isDone = work.then(() => true).finally(() => ended.abort());
  return await Promise.race([isDone, clock.sleep(ms, ended.signal).then(() => false)]);
}
