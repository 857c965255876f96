/** Bounded concurrency: nothing here starts more work than it is told to. */

/**
 * Calls `fn` for each item, at most `limit` at once, and pulls the next item only when a slot is free. The
 * first error, from `fn` or from the items themselves, stops the pulling, and is thrown after all calls that
 * had started have ended.
 */
export async function forEachLimit<T>(
  items: Iterable<T> | AsyncIterable<T>,
  limit: number,
  fn: (item: T) => Promise<void>,
): Promise<void> {
  const running = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | undefined;
  const fail = (error: unknown): void => {
    failure ??= { error };
  };
  try {
    for await (const item of items) {
      const run = fn(item)
        .catch(fail)
        .finally(() => running.delete(run));
      running.add(run);
      if (running.size >= limit) await Promise.race(running);
      if (failure) break;
    }
  } catch (error) {
    fail(error);
  }
  await Promise.all(running);
  if (failure) throw failure.error;
}

/** Runs one function at a time, in the order of the calls. */
export class Mutex {
  #tail: Promise<unknown> = Promise.resolve();

  run<T>(fn: () => Promise<T>): Promise<T> {
    const turn = this.#tail.then(fn);
    this.#tail = turn.catch(() => undefined);
    return turn;
  }
}

/** Cuts `items` into arrays of at most `size`. */
export function chunk<T>(items: readonly T[], size: number): T[][] {
  const chunks: T[][] = [];
  for (let start = 0; start < items.length; start += size) {
    chunks.push(items.slice(start, start + size));
  }
  return chunks;
}

export interface BatchesOptions<T, R> {
  readonly maxItems: number;
  /** Handles a batch. Returns one result for each item, in order. */
  readonly run: (items: readonly T[]) => Promise<readonly R[]>;
  /** Batches that share a mutex run one at a time. */
  readonly oneAtATime?: Mutex;
}

interface WaitingItem<T, R> {
  readonly item: T;
  readonly settle: PromiseWithResolvers<R>;
}

/**
 * Handles items in batches that form by themselves: while one batch runs, the next one collects items. When
 * nothing runs, a batch takes the items that are added in one turn of the event loop.
 */
export class Batches<T, R> {
  readonly #run: (items: readonly T[]) => Promise<readonly R[]>;
  readonly #maxItems: number;
  readonly #oneAtATime: Mutex;
  readonly #waiting: WaitingItem<T, R>[] = [];
  #isFlushing = false;

  constructor({ maxItems, run, oneAtATime = new Mutex() }: BatchesOptions<T, R>) {
    this.#maxItems = maxItems;
    this.#run = run;
    this.#oneAtATime = oneAtATime;
  }

  /** Resolves to the result of the item, or rejects as its batch does. */
  add(item: T): Promise<R> {
    const settle = Promise.withResolvers<R>();
    this.#waiting.push({ item, settle });
    if (!this.#isFlushing) void this.#flush();
    return settle.promise;
  }

  /** Never throws. */
  async #flush(): Promise<void> {
    this.#isFlushing = true;
    await nextTurn();
    while (this.#waiting.length > 0) {
      // A batch that waits for its turn goes on collecting.
      await this.#oneAtATime.run(() => this.#runBatch(this.#waiting.splice(0, this.#maxItems)));
    }
    // No microtask may run between this and the check above, or an item that it adds would be forgotten.
    this.#isFlushing = false;
  }

  async #runBatch(batch: readonly WaitingItem<T, R>[]): Promise<void> {
    try {
      const results = await this.#run(batch.map(({ item }) => item));
      results.forEach((result, index) => {
        batch[index]?.settle.resolve(result);
      });
      for (const { settle } of batch.slice(results.length)) {
        settle.reject(new Error(`a batch of ${batch.length} items has ${results.length} results`));
      }
    } catch (error) {
      for (const { settle } of batch) settle.reject(error);
    }
  }
}

/** Resolves in the next turn of the event loop. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
