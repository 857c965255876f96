/**
 * Pauses after a quota of a table was exceeded. They grow as long as nothing succeeds, and hold up only that
 * table: all exports of this process to it, and no other. An export that would wait long gives its worker
 * back instead (`SinkBusyError`), so that exports to other tables are not held up by it either.
 */

import type { Clock, Random } from '@postlude/queue/foundations';
import { type Backoff, backoffCeilingMs } from '@postlude/queue/foundations';
import { LRUCache } from 'lru-cache';
import { type ExportTable, SinkBusyError } from '../../sink.ts';
import { tableName } from './table-name.ts';

const BACKOFF: Backoff = { initialMs: 1_000, maxMs: 600_000 };
/** A worker waits for no more than this. */
const MAX_WAIT_MS = 10_000;
const MAX_TABLES = 1_000;

interface Pause {
  readonly failures: number;
  readonly untilMs: number;
  readonly reason: string;
}

export class TablePauses {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #pauses = new LRUCache<string, Pause>({ max: MAX_TABLES });

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Waits until the table may be used. Throws `SinkBusyError` if that takes long. */
  async wait(table: ExportTable, signal?: AbortSignal): Promise<void> {
    for (;;) {
      const pause = this.#pauses.get(tableName(table));
      const leftMs = pause ? pause.untilMs - this.#clock.monotonicMs() : 0;
      if (pause === undefined || leftMs <= 0) return;
      if (leftMs > MAX_WAIT_MS) throw new SinkBusyError(pause.reason, leftMs);
      await this.#clock.sleep(leftMs, signal);
      signal?.throwIfAborted();
    }
  }

  /** A quota of the table was exceeded. Exports that find this out at the same time count as one. */
  exhausted(table: ExportTable, reason: string): void {
    const name = tableName(table);
    const nowMs = this.#clock.monotonicMs();
    const last = this.#pauses.get(name);
    if (last && last.untilMs > nowMs) return;
    const failures = (last?.failures ?? 0) + 1;
    const ceilingMs = backoffCeilingMs(BACKOFF, failures);
    // At least half of the ceiling, so that the pauses do grow.
    const pauseMs = ceilingMs * (0.5 + this.#random() / 2);
    this.#pauses.set(name, { failures, untilMs: nowMs + pauseMs, reason });
  }

  succeeded(table: ExportTable): void {
    this.#pauses.delete(tableName(table));
  }
}
