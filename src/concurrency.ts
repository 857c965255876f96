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

/**
 * Handles items in batches that form by themselves: while one batch runs, the next one collects items. An item
 * that is added when nothing runs is handled at once; items that are added meanwhile go together.
 */
export class Batches<T> {
  readonly #run: (items: readonly T[]) => Promise<void>;
  readonly #maxItems: number;
  #waiting: { readonly item: T; readonly settle: PromiseWithResolvers<void> }[] = [];
  #flushing: Promise<void> | undefined;

  constructor(maxItems: number, run: (items: readonly T[]) => Promise<void>) {
    this.#maxItems = maxItems;
    this.#run = run;
  }

  /** Resolves or rejects as the batch of the item does. */
  add(item: T): Promise<void> {
    const settle = Promise.withResolvers<void>();
    this.#waiting.push({ item, settle });
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = undefined;
    });
    return settle.promise;
  }

  async #flush(): Promise<void> {
    await Promise.resolve(); // items that are added synchronously go together
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, this.#maxItems);
      try {
        await this.#run(batch.map(({ item }) => item));
        for (const { settle } of batch) settle.resolve();
      } catch (error) {
        for (const { settle } of batch) settle.reject(error);
      }
    }
  }
}
