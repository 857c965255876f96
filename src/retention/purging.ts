/** Purges for as long as a server runs, and reports what it deleted. */
import {
  type Clock,
  type Counter,
  type Histogram,
  type Log,
  type Metrics,
  makePasses,
} from '@postlude/queue/foundations';
import type { Deleted } from './deleted.ts';
import { type PurgerParts, purgeExpired } from './purger.ts';

export interface PurgingParts extends Omit<PurgerParts, 'log'> {
  readonly clock: Clock;
  /** The pause between two passes. */
  readonly everyMs: number;
  readonly log: Log;
  readonly metrics: Metrics;
}

export class Purging {
  readonly #parts: PurgingParts;
  readonly #rows: Counter;
  readonly #duration: Histogram;

  constructor(parts: PurgingParts) {
    this.#parts = parts;
    this.#rows = parts.metrics.counter('postlude.retention.deleted_rows', {
      description: 'Rows that were deleted because their time was over, by table',
      unit: '{row}',
    });
    this.#duration = parts.metrics.histogram('postlude.retention.pass_duration', {
      description: 'How long a pass over all that had expired took, with its rests',
      unit: 's',
    });
  }

  /**
   * Makes passes until `signal` aborts. If a pass fails, that is logged, and the next pass starts
   * over.
   */
  async run(signal: AbortSignal): Promise<void> {
    const options = { ...this.#parts, failure: 'cannot delete what has expired' };
    await makePasses(() => this.runOnce(signal), options, signal);
  }

  /** Makes one pass, and returns what it deleted. */
  async runOnce(signal?: AbortSignal): Promise<Deleted> {
    const { clock, log } = this.#parts;
    const startedAt = clock.monotonicMs();
    const onDeleted = (deleted: Deleted): void => this.#count(deleted);
    const deleted = await purgeExpired(this.#parts, { onDeleted, ...(signal ? { signal } : {}) });
    const ms = clock.monotonicMs() - startedAt;
    this.#duration.record(ms / 1000);
    if (Object.keys(deleted).length > 0) log.info('deleted what had expired', { ...deleted, ms });
    return deleted;
  }

  #count(deleted: Deleted): void {
    for (const [table, rows] of Object.entries(deleted)) this.#rows.add(rows, { table });
  }
}
