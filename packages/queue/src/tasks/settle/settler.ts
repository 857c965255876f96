/**
 * Settles attempts in batches that form by themselves: while one statement is under way, the next batch
 * gathers. An idle queue settles at once; a busy one settles hundreds at a time. Each kind of outcome has
 * batches of its own, so that a failure leaves no half of a batch settled.
 *
 * If the database is away for some seconds, the settler tries again, so that completed tasks do not run
 * a second time after their leases have ended.
 */
import type { Clock } from '../../foundations/clock.ts';
import { Batches, Mutex } from '../../foundations/concurrency.ts';
import { hasCode } from '../../foundations/errors.ts';
import type { Random } from '../../foundations/random.ts';
import { retry } from '../../foundations/retry.ts';
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
      const run = (batch: readonly T[]) => retry(policy, () => settle(batch));
      const batches = new Batches({ maxItems: MAX_BATCH, run, oneAtATime });
      return (attempt: T) => batches.add(attempt);
    };
    this.complete = inBatches((leases) => queue.completeAll(leases));
    this.retry = inBatches((failures) => queue.retryAll(failures));
    this.release = inBatches((leases) => queue.release(leases));
    this.markDead = inBatches((failures) => queue.markAllDead(failures));
  }
}
