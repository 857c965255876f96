/**
 * What an export writes to. The exporter knows nothing else of files or warehouses:
 *
 *     begin → append, once a batch, in order → commit
 *                                           or abort, where anything failed
 *
 * Nothing is visible to readers of the table before `commit`, or each row is visible at most once.
 * The same export may begin many times: after a crash, after a lost lease, and while a former
 * attempt still runs without knowing that it is dead. In the end its rows stand in the table once.
 */
import type { Batch } from './batches.ts';

/** Where the rows go. */
export interface ExportTable {
  readonly project: string;
  readonly dataset: string;
  readonly table: string;
}

export interface Export {
  readonly table: ExportTable;
  readonly invocationId: string;
  /** Which of the invocation's exports it is, from 0. */
  readonly index: number;
  /**
   * Equal only where the rows are equal too. Another database can hold another invocation of the
   * same id; what was exported of that one says nothing of this.
   */
  readonly fingerprint: string;
  /** Grows with each attempt of the export. */
  readonly attempt: number;
}

/** How an export ended. */
export interface Receipt {
  readonly rows: number;
  /** What has been written, for people and for `verify`: a file, a stream. */
  readonly location: string;
  /** Bytes as written, where the sink knows. */
  readonly bytes?: number | undefined;
  /** SHA-256 of what has been written, in hex, where the sink knows. */
  readonly sha256?: string | undefined;
}

/** The last row that has landed for good. */
export interface Landed {
  /** How many rows have. */
  readonly rows: number;
  readonly parentId: string;
  readonly testId: string;
  readonly resultId: string;
}

/** One attempt of an export. Its methods are called one at a time. */
export interface SinkSession {
  /** Rows that a former attempt has landed; `append` begins with the next one. */
  readonly landed?: Landed | undefined;

  /** May answer before the rows have landed; `commit` waits for all. */
  append(batch: Batch): Promise<void>;

  /**
   * Makes the rows visible, all at once where the sink can. When it answers, they are durable.
   * Throws `lease-lost` where a later attempt has begun, and the reason of `signal` where that
   * aborts while no row is visible yet.
   */
  commit(summary: ExportSummary, signal: AbortSignal): Promise<Receipt>;

  /** Removes what this attempt has left behind. Never throws. */
  abort(): Promise<void>;
}

export interface ExportSummary {
  /** Of the whole export, those that had landed before included. */
  readonly rows: number;
}

export interface Sink {
  /** Answers a receipt where a former attempt of the same export has committed. */
  begin(exported: Export): Promise<SinkSession | Receipt>;

  /** How the export ended, once one of its attempts has committed. Changes nothing. */
  find(exported: Omit<Export, 'attempt'>): Promise<Receipt | undefined>;
}

export function isReceipt(begun: SinkSession | Receipt): begun is Receipt {
  return !('append' in begun);
}
