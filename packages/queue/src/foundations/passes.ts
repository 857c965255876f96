/** Work that is done again and again for as long as a process runs. */
import type { Clock } from './clock.ts';
import { toError } from './errors.ts';
import type { Log } from './log.ts';

export interface PassesOptions {
  readonly clock: Pick<Clock, 'sleep'>;
  /** The pause between two passes, in milliseconds. */
  readonly everyMs: number;
  readonly log: Log;
  /** What is logged, as a warning, if a pass fails. */
  readonly failure: string;
}

/**
 * Makes passes until `signal` aborts. If a pass fails, that is logged, and the next pass starts over. A pass
 * may end by throwing the signal's reason.
 */
export async function makePasses(
  pass: () => Promise<unknown>,
  { clock, everyMs, log, failure }: PassesOptions,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await pass().catch((error: unknown) => {
      if (signal.aborted && error === signal.reason) return;
      log.warn(failure, { error: toError(error) });
    });
    await clock.sleep(everyMs, signal);
  }
}
