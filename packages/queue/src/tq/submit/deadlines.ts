/**
 * One time limit for many calls, with one timer for all of them: that of the call which began first. A timer and
 * a second AbortController for each call cost more than a short call itself.
 */
import type { Clock } from '../../foundations/clock.ts';

interface Running {
  /** By the monotonic clock. */
  readonly endsAt: number;
  expire(): void;
}

export class Deadlines {
  readonly #clock: Clock;
  readonly #ms: number;
  /** In the order in which they began, which is that of their ends. */
  readonly #running = new Set<Running>();
  #timer: AbortController | undefined;

  constructor(clock: Clock, ms: number) {
    this.#clock = clock;
    this.#ms = ms;
  }

  /**
   * Returns what `call` does. If it has not ended within the limit, aborts its signal, and throws the error
   * of `late`; what it does afterwards is ignored.
   */
  run<T>(call: (signal: AbortSignal) => Promise<T>, late: () => Error): Promise<T> {
    return new Promise((resolve, reject) => {
      const aborter = new AbortController();
      const running: Running = {
        endsAt: this.#clock.monotonicMs() + this.#ms,
        expire: () => {
          aborter.abort();
          reject(late());
        },
      };
      this.#add(running);
      const end = <A>(settle: (value: A) => void, value: A): void => {
        this.#remove(running);
        settle(value);
      };
      call(aborter.signal).then(
        (value) => end(resolve, value),
        (error) => end(reject, error),
      );
    });
  }

  #add(running: Running): void {
    this.#running.add(running);
    if (this.#timer === undefined) void this.#watch();
  }

  /** A timer that nobody needs would keep the process alive. */
  #remove(running: Running): void {
    this.#running.delete(running);
    if (this.#running.size > 0) return;
    this.#timer?.abort('ended'); // an explicit reason saves creating an error with its stack
    this.#timer = undefined;
  }

  async #watch(): Promise<void> {
    const timer = new AbortController();
    this.#timer = timer;
    while (!timer.signal.aborted) {
      const [first] = this.#running;
      if (first === undefined) break;
      await this.#clock.sleep(first.endsAt - this.#clock.monotonicMs(), timer.signal);
      if (!timer.signal.aborted) this.#expire();
    }
    if (this.#timer === timer) this.#timer = undefined;
  }

  #expire(): void {
    const now = this.#clock.monotonicMs();
    for (const running of this.#running) {
      if (running.endsAt > now) return;
      this.#running.delete(running);
      running.expire();
    }
  }
}
