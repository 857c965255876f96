/** Lets a loop wait for a signal or a time, whichever comes first. A signal that nobody waits for is kept. */
import type { Clock } from '../../foundations/clock.ts';

/** Made once: an abort without a reason creates an error, with its stack, each time. */
const WOKEN = 'the wait was ended by its signal';

export class WakeSignal {
  readonly #clock: Clock;
  #isSet = false;
  #waiting: AbortController | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Ends the current wait or, if there is none, the next one. */
  readonly wake = (): void => {
    this.#isSet = true;
    this.#waiting?.abort(WOKEN);
    this.#waiting = undefined;
  };

  /** Ends early when `signal` aborts, too. */
  async wait(ms: number, signal?: AbortSignal): Promise<void> {
    if (!this.#isSet && !signal?.aborted) {
      const waiting = new AbortController();
      this.#waiting = waiting;
      signal?.addEventListener('abort', this.wake, { once: true });
      await this.#clock.sleep(ms, waiting.signal);
      signal?.removeEventListener('abort', this.wake);
      this.#waiting = undefined;
    }
    this.#isSet = false;
  }
}
