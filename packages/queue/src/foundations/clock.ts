/**
 * The interface to time: milliseconds since the Unix epoch, with fractions down to a microsecond if they
 * come from a database. Nothing else reads the machine's clock, so tests can move time
 * (testing/fake-clock.ts).
 */

/** Milliseconds since the Unix epoch; fractions are precise to a microsecond. */
export type EpochMs = number;

export interface Clock {
  /** Returns the time for dates. It may be wrong, and may be set while the process runs. */
  now(): EpochMs;
  /** Returns milliseconds that never go back, whatever happens to `now`, for durations and time limits. */
  monotonicMs(): number;
  /** Waits for `ms`. Returns early, without an error, if `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /**
   * Set on a clock that a test or a simulation moves. Due times and leases then follow this clock; otherwise
   * they follow the database's.
   */
  readonly isVirtual?: true;
}

/** The longest delay that a timer accepts; longer ones fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs,
  sleep: (ms, signal) => sleepOnTimer(ms, signal),
};

/** The same as `Clock.monotonicMs`, for code that has no clock. */
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
