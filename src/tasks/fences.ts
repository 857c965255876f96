/**
 * Where the fences of new tasks begin: at the time in microseconds, so that a task which is enqueued
 * again under the name of one that was done does not meet the fences of that. Within one queue this
 * holds even where the clock stands still or goes back.
 */
import type { EpochMs } from '../clock.ts';

/** More than a task is leased within an instant; so little that 10,000 calls a second stay in step with the clock. */
const GAP = 100;

export class Fences {
  #last = 0;

  next(now: EpochMs): number {
    this.#last = Math.max(this.#last + GAP, Math.floor(now * 1_000));
    return this.#last;
  }
}
