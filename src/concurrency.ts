/** Bounded concurrency: nothing here starts more than it is told to. */

/**
 * Calls `fn` for each item, at most `limit` at once, and pulls the next item only when a slot is
 * free. The first error, of `fn` or of the items themselves, stops the pulling; it is thrown once
 * all that had started has ended.
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

/** Lets one holder in at a time, in the order of asking. */
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
 * Handles items in batches that form by themselves: while one is under way, the next gathers. What
 * is added to an idle one goes at once; to a busy one, many at a time.
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

  /** Ends as the batch does that the item goes with. */
  add(item: T): Promise<void> {
    const settle = Promise.withResolvers<void>();
    this.#waiting.push({ item, settle });
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = undefined;
    });
    return settle.promise;
  }

  async #flush(): Promise<void> {
    await Promise.resolve(); // what is added in one go goes together
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
