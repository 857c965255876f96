import { setTimeout } from 'node:timers/promises';

/** Returns whether `done` resolves within `ms`, the grace period that a CI system gives to what it stops. */
export async function isDoneWithin(done: Promise<unknown>, ms: number): Promise<boolean> {
  const over = new AbortController();
  const grace = setTimeout(ms, false, { signal: over.signal }).catch(() => false);
  const isDone = await Promise.race([done.then(() => true), grace]);
  over.abort();
  return isDone;
}
