import type { Clock, EpochMs } from '../../foundations/clock.ts';
import { toError } from '../../foundations/errors.ts';
import type { Log } from '../../foundations/log.ts';

export interface RepeatParts {
  readonly clock: Clock;
  readonly log: Log;
  /** When the round after the one that began at `startedAt` begins. If that is past, it begins at once. */
  readonly nextAt: (startedAt: EpochMs) => EpochMs;
}

/** Runs rounds until `signal` aborts, and lets the last one end. A failed one is logged. */
export async function repeat(
  { clock, log, nextAt }: RepeatParts,
  signal: AbortSignal,
  round: () => Promise<unknown>,
): Promise<void> {
  while (!signal.aborted) {
    const startedAt = clock.now();
    const began = clock.monotonicMs();
    await round().catch((error: unknown) => {
      log.error('a sweep failed', { error: toError(error) });
    });
    // The clock may have been set meanwhile, so the time that has passed is measured by the monotonic one.
    const passedMs = clock.monotonicMs() - began;
    await clock.sleep(Math.max(nextAt(startedAt) - startedAt - passedMs, 0), signal);
  }
}
