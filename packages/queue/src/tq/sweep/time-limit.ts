/** Time limits by the Clock: a signal that aborts when the time is up, or when its parent does. */
import type { Clock } from '../../foundations/clock.ts';

/** Calls `fn` with a signal that aborts after `ms` or with `parent`; returns what `fn` returns. */
export async function withTimeLimit<T>(
  {
    clock,
    ms,
    parent,
  }: { readonly clock: Clock; readonly ms: number; readonly parent: AbortSignal },
  fn: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ended = new AbortController();
  const late = new AbortController();
  const sleepUntil = AbortSignal.any([ended.signal, parent]);
  void clock.sleep(ms, sleepUntil).then(() => {
    if (!sleepUntil.aborted) late.abort();
  });
  try {
    return await fn(AbortSignal.any([late.signal, parent]));
  } finally {
    ended.abort();
  }
}

/** Returns the result of `work`, or `undefined` as soon as `signal` aborts; then its result is ignored. */
export async function unlessAborted<T>(
  work: () => Promise<T>,
  signal: AbortSignal,
): Promise<T | undefined> {
  if (signal.aborted) return undefined;
  const aborted = Promise.withResolvers<undefined>();
  const onAbort = (): void => aborted.resolve(undefined);
  signal.addEventListener('abort', onAbort, { once: true });
  const answer = work();
  answer.catch(() => undefined); // after the signal has aborted, nobody handles its failure
  try {
    return await Promise.race([answer, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
