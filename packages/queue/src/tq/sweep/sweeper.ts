/**
 * Sweeps in this process, once a minute, so that every reminder is handled in the end. Every server may run
 * a sweeper. If those are too many scans of one table, let one server do it, or use DistributedSweep.
 */
import { type Clock, systemClock } from '../../foundations/clock.ts';
import { type Log, silentLog } from '../../foundations/log.ts';
import { type Metrics, noMetrics } from '../../foundations/metrics.ts';
import { type Random, systemRandom } from '../../foundations/random.ts';
import type { Database } from '../../storage/database.ts';
import type { Submitter } from '../submit/submitter.ts';
import { TqMetrics } from '../tq-metrics.ts';
import { InProcessSweep, type InProcessSweepOptions, type SweepSummary } from './in-process.ts';
import { repeat } from './repeat.ts';

export type { SweepSummary };

export interface SweeperOptions extends InProcessSweepOptions {
  readonly db: Database;
  readonly submitter: Submitter;
  /** The machine's clock unless given. The database's clock tells which reminders are fresh. */
  readonly clock?: Clock;
  readonly log?: Log;
  readonly metrics?: Metrics;
  readonly random?: Random;
  /** The time between two starts, a tenth more or less at random: a minute unless given. */
  readonly intervalMs?: number;
}

export const SWEEP_INTERVAL_MS = 60_000;
/** By which part of itself the interval varies, so that processes that start together do not sweep together. */
const JITTER = 0.1;

export class Sweeper {
  readonly #parts: {
    readonly clock: Clock;
    readonly log: Log;
    readonly metrics: TqMetrics;
    readonly random: Random;
  };
  readonly #sweep: InProcessSweep;
  readonly #intervalMs: number;

  constructor({ db, submitter, intervalMs, ...options }: SweeperOptions) {
    const { clock = systemClock, log = silentLog, random = systemRandom, ...rest } = options;
    const { metrics = noMetrics, ...sweepOptions } = rest;
    this.#parts = { clock, log, random, metrics: new TqMetrics(metrics) };
    this.#sweep = new InProcessSweep({ db, submitter, ...this.#parts }, sweepOptions);
    this.#intervalMs = intervalMs ?? SWEEP_INTERVAL_MS;
  }

  /**
   * Runs one sweep. If `signal` aborts, it ends early, after it has settled what has begun. Failures of
   * the database are logged and show in the summary. Throws `failed-precondition` if a sweep is under way.
   */
  async runOnce(signal: AbortSignal = new AbortController().signal): Promise<SweepSummary> {
    const { clock, log, metrics } = this.#parts;
    const startedAt = clock.monotonicMs();
    const summary = await this.#sweep.run(signal);
    const durationMs = clock.monotonicMs() - startedAt;
    metrics.swept(summary.isWhole, durationMs);
    const say = summary.stale > 0 ? 'info' : 'debug';
    log[say]('a sweep has ended', { ...summary, durationMs });
    return summary;
  }

  /** Sweeps now and every minute, until `signal` aborts. Resolves when the last sweep has ended. */
  run(signal: AbortSignal): Promise<void> {
    const { clock, log, random } = this.#parts;
    const nextAt = (startedAt: number): number =>
      startedAt + this.#intervalMs * (1 - JITTER + 2 * JITTER * random());
    return repeat({ clock, log, nextAt }, signal, () => this.runOnce(signal));
  }
}
