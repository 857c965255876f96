/**
 * Settles attempts in batches that form by themselves: while one statement is under way, the next batch
 * gathers. An idle queue settles at once; a busy one settles hundreds at a time. Each kind of outcome has
 * batches of its own, so that a failure leaves no half of a batch settled.
 *
 * If the database is away for some seconds, the settler tries again, so that completed tasks do not run
 * a second time after their leases have ended.
 */
import type { Clock } from '../../clock.ts';
import { Mutex } from '../../concurrency.ts';
import { hasCode } from '../../errors.ts';
import type { Random } from '../../random.ts';
import { retry } from '../../retry.ts';
import type { TaskQueue } from '../queue.ts';
import type { LeaseId, SettleOutcome } from '../task.ts';
import type { FailedAttempt, FinalFailure } from './task-settlement.ts';

export interface SettlerParts {
  readonly queue: Pick<TaskQueue, 'completeAll' | 'retryAll' | 'release' | 'markAllDead'>;
  readonly clock: Clock;
  readonly random: Random;
}

const MAX_BATCH = 1_000;
/** Ten seconds in the mean. */
const RETRIES = { maxAttempts: 8, backoff: { initialMs: 200, maxMs: 5_000 } };

/** Each method settles one attempt, and returns `lost` if its lease no longer held. */
export class Settler {
  readonly complete: (lease: LeaseId) => Promise<SettleOutcome>;
  readonly retry: (failure: FailedAttempt) => Promise<SettleOutcome>;
  readonly release: (lease: LeaseId) => Promise<SettleOutcome>;
  readonly markDead: (failure: FinalFailure) => Promise<SettleOutcome>;

  constructor({ queue, clock, random }: SettlerParts) {
    const isRetryable = (error: unknown): boolean =>
      hasCode(error, 'unavailable', 'outcome-unknown', 'conflict');
    const policy = { ...RETRIES, isRetryable, clock, random };
    const oneAtATime = new Mutex();
    const inBatches = <T>(settle: (attempts: readonly T[]) => Promise<SettleOutcome[]>) => {
      const batches = new SettleBatches<T>(oneAtATime, (batch) =>
        retry(policy, () => settle(batch)),
      );
      return (attempt: T) => batches.add(attempt);
    };
    this.complete = inBatches((leases) => queue.completeAll(leases));
    this.retry = inBatches((failures) => queue.retryAll(failures));
    this.release = inBatches((leases) => queue.release(leases));
    this.markDead = inBatches((failures) => queue.markAllDead(failures));
  }
}

interface Waiting<T> {
  readonly attempt: T;
  readonly settled: PromiseWithResolvers<SettleOutcome>;
}

/** The batches of one kind of outcome. */
class SettleBatches<T> {
  readonly #oneAtATime: Mutex;
  readonly #settle: (attempts: readonly T[]) => Promise<SettleOutcome[]>;
  readonly #waiting: Waiting<T>[] = [];
  #flushing: Promise<void> | undefined;

  constructor(oneAtATime: Mutex, settle: (attempts: readonly T[]) => Promise<SettleOutcome[]>) {
    this.#oneAtATime = oneAtATime;
    this.#settle = settle;
  }

  add(attempt: T): Promise<SettleOutcome> {
    const settled = Promise.withResolvers<SettleOutcome>();
    this.#waiting.push({ attempt, settled });
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = undefined;
    });
    return settled.promise;
  }

  async #flush(): Promise<void> {
    await nextTurn(); // attempts that end in this turn of the event loop go together
    while (this.#waiting.length > 0) {
      await this.#oneAtATime.run(() => this.#settleBatch(this.#waiting.splice(0, MAX_BATCH)));
    }
  }

  async #settleBatch(batch: readonly Waiting<T>[]): Promise<void> {
    try {
      const outcomes = await this.#settle(batch.map(({ attempt }) => attempt));
      batch.forEach(({ settled }, index) => {
        settled.resolve(outcomes[index] ?? 'lost');
      });
    } catch (error) {
      for (const { settled } of batch) settled.reject(error);
    }
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
