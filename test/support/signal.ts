/** An event that a test waits for, instead of sleeping: emitted values queue up until awaited. */
export class Signal<T = void> {
  readonly #values: T[] = [];
  readonly #waiters: ((value: T) => void)[] = [];

  emit(value: T): void {
    const waiter = this.#waiters.shift();
    if (waiter) waiter(value);
    else this.#values.push(value);
  }

  /** Returns the next value, at once if one is queued. Each value goes to one caller. */
  next(): Promise<T> {
    if (this.#values.length > 0) return Promise.resolve(this.#values.shift() as T);
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** The number of values that nobody has taken yet. */
  get pending(): number {
    return this.#values.length;
  }
}
