/** The metrics of push tasks. */
import type { EpochMs } from '../foundations/clock.ts';
import type { Counter, Histogram, Metrics } from '../foundations/metrics.ts';
import type { ReceiptOutcome } from './receive/receipt.ts';

/** `direct`: submitted outside a transaction; `happy`: right after the commit; `sweep`: later. */
export type SubmitPath = 'direct' | 'happy' | 'sweep';

/** What became of a reminder. `stale`: its time was up before it was submitted, so a sweep will do it. */
export type ReminderOutcome = 'submitted' | 'kept' | 'dead' | 'stale';

/** How a scan of a range of reminders ended. After `limit` and `timeout` there is more to scan. */
export type ScanStatus = 'ok' | 'limit' | 'timeout' | 'fail';

interface ReminderProcessing {
  readonly path: SubmitPath;
  readonly outcome: ReminderOutcome;
  readonly now: EpochMs;
}

export class TqMetrics {
  readonly #submits: Counter;
  readonly #submitDuration: Histogram;
  readonly #remindersCreated: Counter;
  readonly #remindersProcessed: Counter;
  readonly #reminderLatency: Histogram;
  readonly #handled: Counter;
  readonly #handleDuration: Histogram;
  readonly #handleLatency: Histogram;
  readonly #rejected: Counter;
  readonly #scanned: Counter;
  readonly #staleness: Histogram;
  readonly #sweepDuration: Histogram;

  constructor(metrics: Metrics) {
    this.#submits = metrics.counter('postlude.tq.submits', {
      description: 'Attempts to submit a task, by class, path and result',
      unit: '{attempt}',
    });
    this.#submitDuration = metrics.histogram('postlude.tq.submit.duration', {
      description: 'How long an attempt to submit took',
      unit: 'ms',
    });
    this.#remindersCreated = metrics.counter('postlude.tq.reminders.created', {
      description: 'Reminders of committed transactions',
      unit: '{reminder}',
    });
    this.#remindersProcessed = metrics.counter('postlude.tq.reminders.processed', {
      description: 'Processed reminders, by class, path and outcome',
      unit: '{reminder}',
    });
    this.#reminderLatency = metrics.histogram('postlude.tq.reminders.latency', {
      description: 'From the creation of a reminder until its task is submitted',
      unit: 'ms',
    });
    this.#handled = metrics.counter('postlude.tq.handled', {
      description: 'Tasks that ran here, by class and outcome',
      unit: '{task}',
    });
    this.#handleDuration = metrics.histogram('postlude.tq.handle.duration', {
      description: 'How long a handler ran',
      unit: 'ms',
    });
    this.#handleLatency = metrics.histogram('postlude.tq.handle.latency', {
      description: 'From when a task was meant to run until it was done',
      unit: 'ms',
    });
    this.#rejected = metrics.counter('postlude.tq.rejected', {
      description: 'Pushes that ran nothing, by reason',
      unit: '{request}',
    });
    this.#scanned = metrics.counter('postlude.tq.sweep.scans', {
      description: 'Scans of ranges of reminders, by status and level',
      unit: '{scan}',
    });
    this.#staleness = metrics.histogram('postlude.tq.sweep.staleness', {
      description: 'How long reminders had been stale when a sweep found them',
      unit: 'ms',
    });
    this.#sweepDuration = metrics.histogram('postlude.tq.sweep.duration', {
      description: 'How long a sweep in one process took, by whether it reached all reminders',
      unit: 'ms',
    });
  }

  submitted(
    classId: string,
    {
      code,
      durationMs,
      path,
    }: { readonly path: SubmitPath; readonly code: string; readonly durationMs: number },
  ): void {
    this.#submits.add(1, { class: classId, path, code });
    this.#submitDuration.record(durationMs, { class: classId, path });
  }

  reminderCreated(classId: string): void {
    this.#remindersCreated.add(1, { class: classId });
  }

  reminderProcessed(
    { classId, createTime }: { readonly classId: string; readonly createTime: EpochMs },
    { now, outcome, path }: ReminderProcessing,
  ): void {
    this.#remindersProcessed.add(1, { class: classId, path, outcome });
    if (outcome === 'submitted') this.#reminderLatency.record(now - createTime, { class: classId });
  }

  handled(
    classId: string,
    outcome: ReceiptOutcome,
    times: { readonly durationMs: number; readonly latencyMs: number | undefined },
  ): void {
    this.#handled.add(1, { class: classId, outcome });
    this.#handleDuration.record(times.durationMs, { class: classId, outcome });
    if (outcome === 'done' && times.latencyMs !== undefined) {
      this.#handleLatency.record(times.latencyMs, { class: classId });
    }
  }

  rejected(reason: string): void {
    this.#rejected.add(1, { reason });
  }

  scanned(status: ScanStatus, level: number, stalenessMs: readonly number[]): void {
    this.#scanned.add(1, { status, level: String(level) });
    for (const value of stalenessMs) this.#staleness.record(value, { level: String(level) });
  }

  swept(isWhole: boolean, durationMs: number): void {
    this.#sweepDuration.record(durationMs, { whole: String(isWhole) });
  }
}
