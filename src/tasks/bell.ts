/** Lets a loop wait for a ring or a time, whichever comes first. A ring while nobody waits is kept. */
import type { Clock } from '../clock.ts';

export class Bell {
  readonly #clock: Clock;
  #hasRung = false;
  #waiting: AbortController | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  readonly ring = (): void => {
    this.#hasRung = true;
    this.#waiting?.abort();
  };

  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#hasRung && !signal.aborted) {
      this.#waiting = new AbortController();
      await this.#clock.sleep(ms, AbortSignal.any([signal, this.#waiting.signal]));
      this.#waiting = undefined;
    }
    this.#hasRung = false;
  }
}
