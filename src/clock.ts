/**
 * Time as the rest of the code sees it: milliseconds since the Unix epoch, with fractions down to
 * a microsecond where a database delivers them. Nothing else reads the machine's clock, so tests
 * move time by hand (testing/fake-clock.ts).
 */

/** Milliseconds since the Unix epoch; fractions are precise to a microsecond. */
export type EpochMs = number;

export interface Clock {
  /** For dates: it may be wrong, and may be set while we run. */
  now(): EpochMs;
  /** Milliseconds that only ever grow, whatever is done to `now`: for durations and time limits. */
  monotonicMs(): number;
  /** Waits `ms`; returns early, without an error, when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /**
   * Of a clock that a test or a simulation moves: due times and leases follow it. They follow the
   * database's clock unless this is set.
   */
  readonly isVirtual?: true;
}

/** The longest delay that a timer takes; longer ones fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs,
  sleep: (ms, signal) => sleepOnTimer(ms, signal),
};

/** As `Clock.monotonicMs`, where no clock is at hand. */
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
