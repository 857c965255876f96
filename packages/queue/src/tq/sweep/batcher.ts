/**
 * Gathers ids into batches and runs a bounded number of them at once. Callers of `add` wait while all slots
 * are taken, so no more ids gather than one batch and those that each caller holds.
 */
import { chunk } from '../../foundations/concurrency.ts';

export interface BatcherOptions {
  readonly batchSize: number;
  /** How many batches run at once. */
  readonly concurrency: number;
  /** Must not throw. */
  readonly run: (ids: readonly string[]) => Promise<void>;
}

export class Batcher {
  readonly #options: BatcherOptions;
  readonly #running = new Set<Promise<void>>();
  #gathered: string[] = [];

  constructor(options: BatcherOptions) {
    this.#options = options;
  }

  /** Resolves when all full batches have begun. The rest waits for the ids that are added next. */
  async add(ids: readonly string[]): Promise<void> {
    const { batchSize } = this.#options;
    const batches = chunk([...this.#gathered, ...ids], batchSize);
    const last = batches.at(-1);
    this.#gathered = last && last.length < batchSize ? (batches.pop() ?? []) : [];
    for (const batch of batches) await this.#start(batch);
  }

  /** Runs the last batch, and resolves when all batches have ended. */
  async close(): Promise<void> {
    const rest = this.#gathered;
    this.#gathered = [];
    if (rest.length > 0) await this.#start(rest);
    await Promise.all(this.#running);
  }

  async #start(batch: readonly string[]): Promise<void> {
    while (this.#running.size >= this.#options.concurrency) await Promise.race(this.#running);
    const run = this.#options.run(batch).finally(() => this.#running.delete(run));
    this.#running.add(run);
  }
}
