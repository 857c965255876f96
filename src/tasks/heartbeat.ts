/**
 * Keeps the leases of a dispatcher alive: at half their length all of them are extended, by one
 * statement. An attempt whose lease is lost, or whose time is up, is stopped.
 *
 * A handler that blocks the event loop blocks this, too. If that lasts past the lease, another worker
 * may begin, and the blocked one is fenced out; a warning says so.
 */
import type { Clock } from '../clock.ts';
import { toError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Attempt } from './attempt.ts';
import type { TaskQueue } from './queue.ts';

export interface HeartbeatConfig {
  readonly queue: Pick<TaskQueue, 'extend'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly leaseMs: number;
  /** What is leased: running, or about to begin. */
  readonly attempts: () => readonly Attempt[];
}

export class Heartbeat {
  readonly #config: HeartbeatConfig;

  constructor(config: HeartbeatConfig) {
    this.#config = config;
  }

  /** Beats until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, leaseMs } = this.#config;
    while (!signal.aborted) {
      const dueAt = clock.monotonicMs() + leaseMs / 2;
      await clock.sleep(leaseMs / 2, signal);
      if (signal.aborted) return;
      const lateMs = clock.monotonicMs() - dueAt;
      if (lateMs > leaseMs / 2) {
        log.warn('a handler blocked the event loop past its lease', { lateMs, leaseMs });
      }
      await this.beat().catch((error: unknown) => {
        log.warn('leases were not extended', { error: toError(error) });
      });
    }
  }

  /** One beat. Tests call this, so nothing in them sleeps. */
  async beat(): Promise<void> {
    const { queue, leaseMs } = this.#config;
    const attempts = this.#config.attempts();
    for (const attempt of attempts) if (attempt.isOutOfTime()) attempt.stop('out-of-time');
    const leases = attempts.map(({ lease }) => lease);
    const outcomes = await queue.extend(leases, leaseMs);
    attempts.forEach((attempt, index) => {
      if (outcomes[index] === 'lost') attempt.stop('lease-lost');
    });
  }
}
