/**
 * Splits long work on the event loop into slices, between which everything else has its turn. However
 * many callers work, each turn of the loop has one slice.
 */

/** Takes some 2 to 20 ms. */
const SLICE_WORK = 500_000;

export class Pace {
  readonly #worker: { readonly work: number };
  readonly #signal: AbortSignal | undefined;
  readonly #begun: number;
  #sliceBegun: number;

  /** `work` grows while slices are worked on. */
  constructor(worker: { readonly work: number }, signal?: AbortSignal) {
    this.#worker = worker;
    this.#signal = signal;
    this.#begun = worker.work;
    this.#sliceBegun = worker.work;
  }

  /** How much work there was since the beginning. */
  get work(): number {
    return this.#worker.work - this.#begun;
  }

  get isSliceOver(): boolean {
    return this.#worker.work - this.#sliceBegun >= SLICE_WORK;
  }

  /** Waits for the next turn. Throws the signal's reason if it has been aborted. */
  async nextSlice(): Promise<void> {
    await turns.next();
    this.#signal?.throwIfAborted();
    this.#sliceBegun = this.#worker.work;
  }
}

class Turns {
  #last: Promise<unknown> = Promise.resolve();

  next(): Promise<unknown> {
    this.#last = this.#last.then(() => new Promise((resolve) => setImmediate(resolve)));
    return this.#last;
  }
}

/** Shared by all of the process, as the event loop is. */
const turns = new Turns();
