/**
 * Completes what handlers have finished, in batches that form by themselves: while one statement is
 * under way, the next batch gathers. An idle queue completes at once; a busy one, hundreds at a time.
 */
import type { TaskQueue } from './queue.ts';
import type { Lease, SettleOutcome } from './task.ts';

interface Waiting {
  readonly lease: Lease;
  readonly resolve: (outcome: SettleOutcome) => void;
  readonly reject: (error: unknown) => void;
}

const MAX_BATCH = 1_000;

export class Completer {
  readonly #queue: Pick<TaskQueue, 'completeAll'>;
  #waiting: Waiting[] = [];
  #flushing: Promise<void> | undefined;

  constructor(queue: Pick<TaskQueue, 'completeAll'>) {
    this.#queue = queue;
  }

  complete(lease: Lease): Promise<SettleOutcome> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ lease, resolve, reject });
      this.#flushing ??= this.#flush().finally(() => {
        this.#flushing = undefined;
      });
    });
  }

  async #flush(): Promise<void> {
    await nextTurn(); // what finishes in this turn of the event loop goes together
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, MAX_BATCH);
      this.#waiting = this.#waiting.slice(MAX_BATCH);
      await this.#completeBatch(batch);
    }
  }

  async #completeBatch(batch: readonly Waiting[]): Promise<void> {
    try {
      const outcomes = await this.#queue.completeAll(batch.map(({ lease }) => lease));
      batch.forEach(({ resolve }, index) => {
        resolve(outcomes[index] ?? 'lost');
      });
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
