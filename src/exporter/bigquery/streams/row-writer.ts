/** How an export session writes rows, by whichever API. */
import type { ExportTable } from '../../sink.ts';
import type { RowError } from '../clients/ports.ts';

/**
 * - `appended`: all rows are in the table.
 * - `partly`: all but these rows are in the table.
 * - `rejected`: these rows are invalid, and none is in the table; the others may be appended again.
 * - `displaced`: an earlier append was rejected, so none is in the table; they may be appended again.
 */
export type AppendOutcome =
  | { readonly kind: 'appended' | 'displaced' }
  | { readonly kind: 'partly' | 'rejected'; readonly rows: readonly RowError[] };

/** One export has it for itself. */
export interface RowWriter<R> {
  /** The stream in which it can be found out later what has landed; `undefined` if there is none. */
  readonly stream: string | undefined;
  /** The offset in the stream at which the next row will be. */
  readonly nextOffset: number;
  /** Whether everything has been acknowledged, so that another export may go on with it. */
  readonly isClean: boolean;
  /** Whether it is certain that nothing of this export has landed. */
  readonly isUntouched: boolean;
  /** Many may be on their way. Throws what is of no use to repeat; `not-found`: the table or the stream is gone. */
  append(rows: readonly R[]): Promise<AppendOutcome>;
  close(): void;
}

export interface WriterPool<R> {
  /** `fresh`: not one that has been used before. */
  take(
    table: ExportTable,
    signal: AbortSignal | undefined,
    kind: 'any' | 'fresh',
  ): Promise<RowWriter<R>>;
  giveBack(table: ExportTable, writer: RowWriter<R>): void;
}
