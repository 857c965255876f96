/**
 * A sweep whose work all servers share, in tasks that are pushed to them like any other:
 *
 * 1. Once a minute, a server adds a task for each shard of the ids (`initiate`). Every server may do so: the
 *    tasks that are added for one minute are the same tasks, as long as the queue remembers names.
 * 2. Each task scans its range, and adds further tasks for what it does not reach (scan.ts).
 * 3. It leases the span of the stale reminders, leaves out what another task has leased, and submits the
 *    rest in batches, as long as the lease lasts.
 *
 * A task that adds tasks must not be retried as a whole. If something fails, the task is dropped, and the
 * next sweep finds what is left over.
 */
import { type Clock, type EpochMs, systemClock } from '../../foundations/clock.ts';
import { chunk, forEachLimit } from '../../foundations/concurrency.ts';
import { IgnoredError, toError } from '../../foundations/errors.ts';
import { type Log, silentLog } from '../../foundations/log.ts';
import { type Metrics, noMetrics } from '../../foundations/metrics.ts';
import { type Random, randomInt, systemRandom } from '../../foundations/random.ts';
import type { Database } from '../../storage/database.ts';
import { databaseTime, readNow } from '../../storage/time.ts';
import type { PushTaskHandler } from '../classes/task-class.ts';
import type { Submitter } from '../submit/submitter.ts';
import type { AddOutcome, Tq } from '../tq.ts';
import { TqMetrics } from '../tq-metrics.ts';
import { sweepBatch } from './batch.ts';
import { acquireSweepLease, type SweepLease } from './leases.ts';
import { formatPartition, onlyIn, spanInclusive, splitPartition, UNIVERSE } from './partition.ts';
import { repeat } from './repeat.ts';
import { SCAN_LIMITS, type ScanLimits, type SweepRange, scan } from './scan.ts';
import { type SweepTask, type SweepTaskClass, sectionOf } from './sweep-task.ts';
import { SWEEP_INTERVAL_MS } from './sweeper.ts';
import { withTimeLimit } from './time-limit.ts';

export interface DistributedSweepOptions extends Partial<ScanLimits> {
  readonly db: Database;
  readonly submitter: Submitter;
  /** Adds the tasks of sweeps. `taskClass` must be registered with it. */
  readonly tq: Pick<Tq, 'addTask'>;
  readonly taskClass: SweepTaskClass;
  readonly clock?: Clock;
  readonly log?: Log;
  readonly metrics?: Metrics;
  readonly random?: Random;
  /** How many tasks begin a sweep: 16 unless given. */
  readonly shards?: number;
  /** For how long a task leases the stale reminders that it has found: a minute unless given. */
  readonly leaseMs?: number;
  /** How many reminders are submitted and settled together: 50 unless given. */
  readonly batchSize?: number;
  /** How many batches of a task are under way at once: 8 unless given. */
  readonly batchesAtOnce?: number;
  /** The time between the starts of two sweeps: a minute unless given. */
  readonly intervalMs?: number;
}

export interface Initiation {
  readonly added: number;
  /** How many tasks another server had added. */
  readonly duplicates: number;
  /** How many tasks could not be added; the log has the reasons. */
  readonly failed: number;
}

type FullOptions = Omit<Required<DistributedSweepOptions>, 'metrics'> & {
  readonly metrics: TqMetrics;
};

/** How late a sweep may begin, as a part of the interval, so that not all servers add its tasks at once. */
const MAX_DELAY = 0.2;
const ADDS_AT_ONCE = 16;

export class DistributedSweep {
  readonly #options: FullOptions;

  constructor(options: DistributedSweepOptions) {
    this.#options = withDefaults(options);
  }

  /** Begins a sweep by adding its first tasks. */
  async initiate(): Promise<Initiation> {
    const { db, clock, shards, tasksPerScan, secondaryShards } = this.#options;
    const time = databaseTime(db.dialect, clock);
    const round = String(this.#roundAt(await db.read((tx) => readNow(tx, time))));
    const tasks = splitPartition(UNIVERSE, shards).map((partition, shard) => ({
      partition,
      level: 0,
      shard,
      shards,
      round,
      section: sectionOf(shard, shards),
      tasksPerScan,
      secondaryShards,
    }));
    return await this.#addAll(tasks);
  }

  /** Begins a sweep now and every minute, until `signal` aborts. */
  run(signal: AbortSignal): Promise<void> {
    const { clock, log, random, intervalMs } = this.#options;
    const nextAt = (startedAt: EpochMs): EpochMs => {
      const delayMs = randomInt(random, intervalMs * MAX_DELAY);
      return (this.#roundAt(startedAt) + 1) * intervalMs + delayMs;
    };
    return repeat({ clock, log, nextAt }, signal, () => this.initiate());
  }

  /** Handles the tasks: `classes.attach(taskClass, sweep.handle)`. */
  readonly handle: PushTaskHandler<SweepTask> = async ({ payload: task }, { signal }) => {
    const found = await scan(this.#options, {
      range: task,
      limits: { ...this.#options, ...task },
      signal,
    });
    const [followed, left] = await Promise.all([
      this.#addAll(followUpsOf(task, found.followUps)),
      this.#submit(task, found.stale, signal),
    ]);
    const problems = [
      ...(found.status === 'fail' ? ['the scan failed'] : []),
      ...(followed.failed > 0 ? [`${followed.failed} follow-ups were not added`] : []),
      ...(left > 0 ? [`${left} reminders are left to the next sweep`] : []),
    ];
    if (problems.length > 0) throw new IgnoredError(problems.join('; '));
  };

  /** Returns how many of the ids are left, although no other task has leased them. */
  async #submit(task: SweepTask, stale: readonly string[], signal: AbortSignal): Promise<number> {
    const [first] = stale;
    const last = stale.at(-1);
    if (first === undefined || last === undefined) return 0;
    const { db, clock, log, leaseMs } = this.#options;
    const partition = spanInclusive(first, last);
    const wanted = {
      section: task.section,
      partition,
      time: databaseTime(db.dialect, clock),
      leaseMs,
    };
    try {
      const lease = await acquireSweepLease(db, wanted);
      return await this.#submitLeased(lease, stale, signal);
    } catch (error) {
      log.error('a range of reminders is left to the next sweep', { error: toError(error) });
      return stale.length;
    }
  }

  async #submitLeased(
    { partitions, release }: SweepLease,
    stale: readonly string[],
    signal: AbortSignal,
  ): Promise<number> {
    const { clock, log, leaseMs } = this.#options;
    const left = await withTimeLimit({ clock, ms: leaseMs, parent: signal }, (inTime) =>
      this.#submitBatches(onlyIn(stale, partitions), inTime),
    );
    await release().catch((error: unknown) => {
      log.warn('the lease of a sweep stays until it expires', { error: toError(error) });
    });
    return left;
  }

  async #submitBatches(ids: readonly string[], signal: AbortSignal): Promise<number> {
    const { batchSize, batchesAtOnce } = this.#options;
    let left = 0;
    await forEachLimit(chunk(ids, batchSize), batchesAtOnce, async (batch) => {
      const kept = signal.aborted ? batch.length : await this.#submitBatch(batch, signal);
      left += kept;
    });
    return left;
  }

  async #submitBatch(batch: readonly string[], signal: AbortSignal): Promise<number> {
    try {
      const { kept } = await sweepBatch(this.#options, batch, signal);
      return kept;
    } catch (error) {
      const fields = { reminders: batch.length, error: toError(error) };
      this.#options.log.error('a batch of reminders is left to the next sweep', fields);
      return batch.length;
    }
  }

  /** Adds as many of the tasks as it can. */
  async #addAll(tasks: readonly SweepTask[]): Promise<Initiation> {
    const outcomes: (AddOutcome | 'failed')[] = [];
    await forEachLimit(tasks.entries(), ADDS_AT_ONCE, async ([index, task]) => {
      outcomes.push(await this.#add(task, index));
    });
    const count = (wanted: AddOutcome | 'failed'): number =>
      outcomes.filter((outcome) => outcome === wanted).length;
    return { added: count('added'), duplicates: count('duplicate'), failed: count('failed') };
  }

  async #add(task: SweepTask, index: number): Promise<AddOutcome | 'failed'> {
    const { tq, taskClass, log } = this.#options;
    const { level, shard, section, round, partition } = task;
    try {
      return await tq.addTask({
        class: taskClass,
        payload: task,
        title: `l${level}_${shard}_${index}`,
        deduplicationKey: [round, section, level, formatPartition(partition)].join('/'),
      });
    } catch (error) {
      log.error('a task of a sweep was not added', { level, shard, error: toError(error) });
      return 'failed';
    }
  }

  /** Returns the number of the interval: sweeps that begin in the same one are the same sweep. */
  #roundAt(time: EpochMs): number {
    return Math.floor(time / this.#options.intervalMs);
  }
}

function followUpsOf(task: SweepTask, ranges: readonly SweepRange[]): SweepTask[] {
  return ranges.map((range) => ({ ...task, ...range }));
}

function withDefaults({ metrics, ...options }: DistributedSweepOptions): FullOptions {
  return {
    ...SCAN_LIMITS,
    clock: systemClock,
    log: silentLog,
    random: systemRandom,
    shards: 16,
    leaseMs: 60_000,
    batchSize: 50,
    batchesAtOnce: 8,
    intervalMs: SWEEP_INTERVAL_MS,
    ...options,
    metrics: new TqMetrics(metrics ?? noMetrics),
  };
}
