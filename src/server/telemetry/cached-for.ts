/** Shares what is expensive to make among all who ask for it within a time, while it is being made as well. */
import type { Clock } from '@postlude/queue/foundations';

/** Returns a function that calls `make` at most once in `ms`. What fails is not kept. */
export function cachedFor<T>(
  ms: number,
  clock: Pick<Clock, 'monotonicMs'>,
  make: () => Promise<T>,
): () => Promise<T> {
  let kept: { readonly value: Promise<T>; readonly madeAt: number } | undefined;
  return () => {
    const now = clock.monotonicMs();
    if (kept && now - kept.madeAt < ms) return kept.value;
    const made = { value: make(), madeAt: now };
    kept = made;
    made.value.catch(() => {
      if (kept === made) kept = undefined;
    });
    return made.value;
  };
}
