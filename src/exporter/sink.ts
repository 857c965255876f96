/**
 * The interface that an export writes to. The exporter knows nothing else of files or warehouses:
 *
 *     begin → append, once for each batch, in order → commit
 *                                                  or abort, if anything failed
 *
 * Readers of the table see no row before `commit`, or they see each row at most once. The same
 * export may begin many times: after a crash, after a lost lease, and while an earlier attempt
 * still runs without knowing that it has lost its lease. In the end, each of its rows is in the
 * table once.
 */
import { CodedError } from '@postlude/queue/foundations';
import type { Batch } from './batches.ts';
import type { RowKey, RowKind } from './rows/row-kind.ts';

/** The table that the rows go to. */
export interface ExportTable {
  readonly project: string;
  readonly dataset: string;
  readonly table: string;
}

export interface Export {
  readonly table: ExportTable;
  readonly invocationId: string;
  /** The index of the export among those of the invocation, from 0. */
  readonly index: number;
  /** What its rows are: all rows of an export are of one kind. */
  readonly kind: RowKind;
  /**
   * Fingerprints are equal only if the rows are equal too. Another database can hold another
   * invocation with the same id, whose export must not be taken for this one.
   */
  readonly fingerprint: string;
  /** It grows with each attempt at the export. */
  readonly attempt: number;
  /** Is set if the export is made again, so that its rows replace those of earlier generations. */
  readonly replaces?: Replaced;
}

/** What tells the rows to be replaced from others, in a sink that keeps many exports in one table. */
export interface Replaced {
  /** The `partition_time` of all rows of the invocation, in microseconds. */
  readonly partitionTime: number;
  /** Whether the invocation has another export to the same table. Their rows look the same. */
  readonly isTableShared: boolean;
}

/** The outcome of an export. */
export interface Receipt {
  /** How many rows are in the table. */
  readonly rows: number;
  /** How many rows the table has refused, if it can refuse single rows; see rejected-rows.ts. */
  readonly rejected?: number | undefined;
  /** The place that was written to, for people and for `verify`: a file, a stream. */
  readonly location: string;
  /** The number of bytes written, if the sink knows it. */
  readonly bytes?: number | undefined;
  /** The SHA-256 of the bytes written, in hex, if the sink knows it. */
  readonly sha256?: string | undefined;
}

/** The last row that is settled for good, as it has landed or has been rejected, and how many are. */
export interface Landed extends RowKey {
  /** How many rows are settled. */
  readonly rows: number;
}

/** One attempt at an export. Its methods are called one at a time. */
export interface SinkSession {
  /** The rows that an earlier attempt has settled; `append` begins with the next row. */
  readonly landed?: Landed | undefined;

  /** It may return before the rows have landed; `commit` waits for all rows. */
  append(batch: Batch): Promise<void>;

  /**
   * Makes the rows visible, all at once if the sink can. Once it returns, they are durable. Throws
   * `lease-lost` if a later attempt has begun, and the reason of `signal` if that aborts while no
   * row is visible yet.
   */
  commit(summary: ExportSummary, signal: AbortSignal): Promise<Receipt>;

  /** Removes everything that this attempt has left. It never throws. */
  abort(): Promise<void>;
}

export interface ExportSummary {
  /** The rows of the whole export, including those that had been settled before. */
  readonly rows: number;
}

export interface Sink {
  /**
   * Returns a receipt if an earlier attempt at the same export has committed. Once `signal` aborts, the
   * session need not wait any more, for anything.
   */
  begin(exported: Export, signal?: AbortSignal): Promise<SinkSession | Receipt>;

  /**
   * Throws `failed-precondition` if the rows of the export could not replace those of an earlier generation.
   * Without it, they always can.
   */
  checkAgain?(exported: Omit<Export, 'attempt'>): Promise<void>;

  /** Returns the receipt once an attempt at the export has committed. It changes nothing. */
  find(exported: Omit<Export, 'attempt'>): Promise<Receipt | undefined>;
}

export function isReceipt(begun: SinkSession | Receipt): begun is Receipt {
  return !('append' in begun);
}

/**
 * The destination takes no rows for a while, as a quota is used up. The export is to be tried again after
 * `delayMs`, and this attempt does not count.
 */
export class SinkBusyError extends CodedError {
  readonly delayMs: number;

  constructor(reason: string, delayMs: number) {
    super('resource-exhausted', reason);
    this.name = 'SinkBusyError';
    this.delayMs = delayMs;
  }
}
