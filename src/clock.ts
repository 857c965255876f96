/**
 * Time as the rest of the code sees it: milliseconds since the Unix epoch, with fractions down to
 * a microsecond where a database delivers them. Nothing else reads the machine's clock, so tests
 * move time by hand (testing/fake-clock.ts).
 */

/** Milliseconds since the Unix epoch; fractions are precise to a microsecond. */
export type EpochMs = number;

export interface Clock {
  now(): EpochMs;
  /** Waits `ms`; returns early, without an error, when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The longest delay that a timer takes; longer ones fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) => sleepOnTimer(ms, signal),
};

/** Milliseconds that only ever grow: for durations, never for dates. */
export function monotonicMs(): number {
  return performance.now();
}

function sleepOnTimer(ms: number, signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, Math.min(Math.max(ms, 0), MAX_TIMER_MS));
    signal?.addEventListener('abort', finish, { once: true });
  });
}
