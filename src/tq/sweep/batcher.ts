/**
 * Gathers ids into batches and runs those, a bounded number at once. Whoever adds waits while all
 * slots are taken, so no more ids gather than one batch and what each caller holds.
 */
import { chunk } from '../../concurrency.ts';

export interface BatcherOptions {
  readonly batchSize: number;
  /** Batches at once. */
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

  /** Resolves once all full batches have begun; the rest goes with what is added next. */
  async add(ids: readonly string[]): Promise<void> {
    const { batchSize } = this.#options;
    const batches = chunk([...this.#gathered, ...ids], batchSize);
    const last = batches.at(-1);
    this.#gathered = last && last.length < batchSize ? (batches.pop() ?? []) : [];
    for (const batch of batches) await this.#start(batch);
  }

  /** Runs what has gathered, and resolves once everything has ended. */
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
