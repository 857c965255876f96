/**
 * Settles attempts in batches that form by themselves: while one statement is under way, the next
 * batch gathers. An idle queue settles at once; a busy one, hundreds at a time.
 *
 * A database that is away for some seconds is asked again, so that what has been done is not done
 * anew once the leases end.
 */
import type { Clock } from '../../clock.ts';
import { hasCode } from '../../errors.ts';
import type { Random } from '../../random.ts';
import { retry } from '../../retry.ts';
import type { Outcome } from '../dispatch/handler.ts';
import type { TaskQueue } from '../queue.ts';
import type { Settlement } from './settlement.ts';

interface Waiting {
  readonly settlement: Settlement;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: unknown) => void;
}

export interface SettlerParts {
  readonly queue: Pick<TaskQueue, 'settleAll'>;
  readonly clock: Clock;
  readonly random: Random;
}

const MAX_BATCH = 1_000;
/** Ten seconds in the mean. */
const RETRIES = { maxAttempts: 8, backoff: { initialMs: 200, maxMs: 5_000 } };

export class Settler {
  readonly #parts: SettlerParts;
  #waiting: Waiting[] = [];
  #flushing: Promise<void> | undefined;

  constructor(parts: SettlerParts) {
    this.#parts = parts;
  }

  /** Answers what came of it: the outcome that was wanted, or `lost`. */
  settle(settlement: Settlement): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ settlement, resolve, reject });
      this.#flushing ??= this.#flush().finally(() => {
        this.#flushing = undefined;
      });
    });
  }

  async #flush(): Promise<void> {
    await nextTurn(); // what ends in this turn of the event loop goes together
    for (let batch = this.#takeBatch(); batch.length > 0; batch = this.#takeBatch()) {
      await this.#settleBatch(batch);
    }
  }

  /** Of one kind of outcome, so that a failure leaves no half of it settled. */
  #takeBatch(): Waiting[] {
    const outcome = this.#waiting[0]?.settlement.outcome;
    const batch: Waiting[] = [];
    const others: Waiting[] = [];
    for (const waiting of this.#waiting) {
      const isOfBatch = waiting.settlement.outcome === outcome && batch.length < MAX_BATCH;
      (isOfBatch ? batch : others).push(waiting);
    }
    this.#waiting = others;
    return batch;
  }

  async #settleBatch(batch: readonly Waiting[]): Promise<void> {
    const { queue, clock, random } = this.#parts;
    const isRetryable = (error: unknown): boolean =>
      hasCode(error, 'unavailable', 'outcome-unknown', 'conflict');
    try {
      const outcomes = await retry({ ...RETRIES, isRetryable, clock, random }, () =>
        queue.settleAll(batch.map(({ settlement }) => settlement)),
      );
      batch.forEach(({ settlement, resolve }, index) => {
        resolve(outcomes[index] === 'done' ? settlement.outcome : 'lost');
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
