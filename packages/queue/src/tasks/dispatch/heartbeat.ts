/**
 * Keeps the leases of a dispatcher alive: every third of their length it extends all of them, hundreds in
 * one statement. If that fails, it tries again soon: a lease ends only if nothing succeeds for two
 * thirds of its length. It stops an attempt whose lease is lost, or whose time is up.
 *
 * A handler that blocks the event loop blocks the heartbeat, too. If that lasts past the lease, another worker
 * may begin, and the blocked one is fenced out; a warning says so.
 */
import type { Clock } from '../../foundations/clock.ts';
import { toError } from '../../foundations/errors.ts';
import type { Log } from '../../foundations/log.ts';
import type { TaskQueue } from '../queue.ts';
import type { Attempt } from './attempt.ts';
import type { LifecycleLog } from './lifecycle-log.ts';

export interface HeartbeatParts {
  readonly queue: Pick<TaskQueue, 'extend'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly lifecycle: LifecycleLog;
  readonly leaseMs: number;
  /** Returns the attempts that are leased: running, or about to begin. */
  readonly attempts: () => readonly Attempt[];
}

/** How many leases one statement extends. */
const MAX_BATCH = 500;

export class Heartbeat {
  readonly #parts: HeartbeatParts;

  constructor(parts: HeartbeatParts) {
    this.#parts = parts;
  }

  /** Beats until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, leaseMs } = this.#parts;
    let pauseMs = leaseMs / 3;
    while (!signal.aborted) {
      const dueAt = clock.monotonicMs() + pauseMs;
      await clock.sleep(pauseMs, signal);
      if (signal.aborted) return;
      const lateMs = clock.monotonicMs() - dueAt;
      if (lateMs > (leaseMs * 2) / 3) {
        log.warn('a handler blocked the event loop past its lease', { lateMs, leaseMs });
      }
      pauseMs = (await this.#hasExtendedAll()) ? leaseMs / 3 : leaseMs / 20;
    }
  }

  async #hasExtendedAll(): Promise<boolean> {
    try {
      await this.beat();
      return true;
    } catch (error) {
      this.#parts.log.warn('leases were not extended: trying again', { error: toError(error) });
      return false;
    }
  }

  /**
   * One beat; tests call it, so that they need not sleep. A batch that cannot be extended does not keep
   * the others from it: the first error is thrown after all have been tried.
   */
  async beat(): Promise<void> {
    const attempts = this.#parts.attempts();
    for (const attempt of attempts) if (attempt.isOutOfTime()) attempt.stop('out-of-time');
    const batches = Array.from({ length: Math.ceil(attempts.length / MAX_BATCH) }, (_, index) =>
      attempts.slice(index * MAX_BATCH, (index + 1) * MAX_BATCH),
    );
    let failure: Error | undefined;
    for (const batch of batches) {
      await this.#extend(batch).catch((error: unknown) => {
        failure ??= toError(error);
      });
    }
    if (failure) throw failure;
  }

  async #extend(attempts: readonly Attempt[]): Promise<void> {
    const { queue, leaseMs, lifecycle } = this.#parts;
    const leases = attempts.map(({ lease }) => lease);
    const outcomes = await queue.extend(leases, leaseMs);
    lifecycle.extended(
      leases.filter((_, index) => outcomes[index] === 'done'),
      leaseMs,
    );
    attempts.forEach((attempt, index) => {
      if (outcomes[index] === 'lost') attempt.stop('lease-lost');
    });
  }
}
