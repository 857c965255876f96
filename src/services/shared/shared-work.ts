/**
 * Lets equal requests share one piece of work, however many wait for it. The work is aborted when none of
 * them waits any more.
 */

type Work<T> = (signal: AbortSignal) => Promise<T>;

interface Flight<T> {
  readonly promise: Promise<T>;
  readonly controller: AbortController;
  waiters: number;
}

export class SharedWork<T> {
  readonly #running = new Map<string, Flight<T>>();
  readonly #queued = new Map<string, Flight<T>>();

  /** How many pieces of work are running or queued. */
  get size(): number {
    return this.#running.size + this.#queued.size;
  }

  /** Joins the running work of this key, or begins it. Throws the signal's reason if that aborts first. */
  async join(key: string, signal: AbortSignal, work: Work<T>): Promise<T> {
    signal.throwIfAborted();
    const flight = this.#running.get(key) ?? this.#start(this.#running, key, work);
    return await this.#wait(flight, key, signal);
  }

  /**
   * Joins work that begins after this call, so that it sees all that was committed before. At most one
   * piece of work of a key is running; the next one is shared by all that come meanwhile.
   */
  async joinNext(key: string, signal: AbortSignal, work: Work<T>): Promise<T> {
    signal.throwIfAborted();
    const running = this.#running.get(key);
    if (running === undefined) return await this.join(key, signal, work);
    const flight =
      this.#queued.get(key) ??
      this.#start(this.#queued, key, async (aborted) => {
        await running.promise.catch(() => undefined);
        aborted.throwIfAborted();
        const self = this.#queued.get(key);
        this.#queued.delete(key);
        if (self !== undefined) this.#running.set(key, self);
        return await work(aborted);
      });
    return await this.#wait(flight, key, signal);
  }

  #start(flights: Map<string, Flight<T>>, key: string, work: Work<T>): Flight<T> {
    const controller = new AbortController();
    const promise = Promise.resolve().then(() => work(controller.signal));
    const flight = { promise, controller, waiters: 0 };
    flights.set(key, flight);
    const end = (): void => this.#forget(flight, key);
    promise.then(end, end);
    return flight;
  }

  #forget(flight: Flight<T>, key: string): void {
    for (const flights of [this.#running, this.#queued]) {
      if (flights.get(key) === flight) flights.delete(key);
    }
  }

  async #wait(flight: Flight<T>, key: string, signal: AbortSignal): Promise<T> {
    flight.waiters++;
    const gone = Promise.withResolvers<never>();
    const leave = (): void => gone.reject(signal.reason);
    signal.addEventListener('abort', leave, { once: true });
    try {
      return await Promise.race([flight.promise, gone.promise]);
    } finally {
      signal.removeEventListener('abort', leave);
      flight.waiters--;
      if (flight.waiters === 0) this.#forget(flight, key);
      if (flight.waiters === 0) flight.controller.abort(signal.reason);
    }
  }
}
