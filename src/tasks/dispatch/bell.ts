/** Lets a loop wait for a ring or a time, whichever comes first. A ring while nobody waits is kept. */
import type { Clock } from '../../clock.ts';

/** Made once: an abort without a reason makes an error, with its stack, each time. */
const RUNG = 'the bell has rung';

export class Bell {
  readonly #clock: Clock;
  #hasRung = false;
  #waiting: AbortController | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  readonly ring = (): void => {
    this.#hasRung = true;
    this.#waiting?.abort(RUNG);
    this.#waiting = undefined;
  };

  /** Ends early when `signal` aborts, too. */
  async wait(ms: number, signal?: AbortSignal): Promise<void> {
    if (!this.#hasRung && !signal?.aborted) {
      const waiting = new AbortController();
      this.#waiting = waiting;
      signal?.addEventListener('abort', this.ring, { once: true });
      await this.#clock.sleep(ms, waiting.signal);
      signal?.removeEventListener('abort', this.ring);
      this.#waiting = undefined;
    }
    this.#hasRung = false;
  }
}
