/** Calls to BigQuery for one table: they wait while the table is paused, and are repeated a few times. */
import type { Clock, Random } from '@postlude/queue/foundations';
import { type Backoff, hasCode, retry } from '@postlude/queue/foundations';
import type { ExportTable } from '../../sink.ts';
import { TablePauses } from './table-pauses.ts';

export const CALL_BACKOFF: Backoff = { initialMs: 250, maxMs: 5_000 };
export const MAX_CALL_ATTEMPTS = 5;

export class TableCalls {
  readonly clock: Clock;
  readonly random: Random;
  readonly pauses: TablePauses;

  constructor(clock: Clock, random: Random) {
    this.clock = clock;
    this.random = random;
    this.pauses = new TablePauses(clock, random);
  }

  /**
   * Calls `fn`, and again after a pause if a quota is used up or the failure may pass. So `fn` must be
   * harmless to repeat.
   */
  async call<T>(table: ExportTable, fn: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const policy = {
      backoff: CALL_BACKOFF,
      maxAttempts: MAX_CALL_ATTEMPTS,
      isRetryable: (error: unknown) => hasCode(error, 'unavailable'),
      clock: this.clock,
      random: this.random,
      ...(signal && { signal }),
    };
    return await retry(policy, () => this.#withinQuota(table, fn, signal));
  }

  async #withinQuota<T>(
    table: ExportTable,
    fn: () => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    for (;;) {
      await this.pauses.wait(table, signal);
      try {
        const value = await fn();
        this.pauses.succeeded(table);
        return value;
      } catch (error) {
        if (!hasCode(error, 'resource-exhausted')) throw error;
        this.pauses.exhausted(table, error.message);
      }
    }
  }
}
