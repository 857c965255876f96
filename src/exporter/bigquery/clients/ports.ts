/**
 * What the exporter needs of BigQuery. Clients report failures as `CodedError` (see client-errors.ts), and
 * repeat nothing by themselves.
 */
import type { CodedError } from '@postlude/queue/foundations';
import type { Column } from '../../rows/schema.ts';
import type { ExportTable } from '../../sink.ts';
import type { JsonRow } from '../rows/json-row.ts';
import type { Field, TableDefinition } from '../tables/table-definition.ts';

/** A table that exists. */
export interface PresentTable {
  readonly fields: readonly Field[];
  /** The region of its dataset, in which jobs on it have to run. */
  readonly location?: string | undefined;
  /** Changes whenever the table's description does. */
  readonly etag: string;
}

export interface RowError {
  /** The index of the row among those sent. */
  readonly index: number;
  readonly reason: string;
}

/** Tables, and `tabledata.insertAll`. */
export interface TableClient {
  /** Returns `undefined` if there is no such table. */
  find(table: ExportTable): Promise<PresentTable | undefined>;
  /** Throws `already-exists`. */
  create(table: ExportTable, definition: TableDefinition): Promise<void>;
  /** Throws `conflict` if the table has changed since it had this ETag. */
  setFields(table: ExportTable, present: PresentTable): Promise<void>;
  /** Throws `not-found` if there is no such table. */
  delete(table: ExportTable): Promise<void>;
  /** Returns the rows that were refused; the others have landed. */
  insert(table: ExportTable, rows: readonly JsonRow[]): Promise<readonly RowError[]>;
}

export interface JobName {
  /** The project that the job runs in, and that pays for it. */
  readonly project: string;
  readonly location: string | undefined;
  /** Chosen by us. BigQuery never runs two jobs of one id. */
  readonly id: string;
}

/** `failed`: nothing of it took effect, and its id is used up. */
export type JobState =
  | { readonly kind: 'running' | 'done' }
  | { readonly kind: 'failed'; readonly error: CodedError };

/** Jobs that run a statement. */
export interface JobClient {
  /** Throws `already-exists` if there is a job of this name, whatever became of it. */
  insert(job: JobName, statement: string): Promise<JobState>;
  find(job: JobName): Promise<JobState>;
  /** Throws if such a job may not be run, or if the statement is invalid. Nothing takes effect. */
  check(job: Omit<JobName, 'id'>, statement: string): Promise<void>;
}

/** The Storage Write API. */
export interface StreamClient {
  /** Creates a committed stream, and returns its name. */
  create(table: ExportTable): Promise<string>;
  /**
   * Ends a stream, so that nothing can be appended any more, and returns how many rows it has. Repeating it
   * is harmless. Throws `not-found` if there is no such stream.
   */
  finalize(stream: string): Promise<number>;
  /** Rows have these columns. */
  connect(stream: string, columns: readonly Column[], events: ConnectionEvents): AppendConnection;
  close(): Promise<void>;
}

export interface AppendRequest {
  /** The rows of the stream that come before the first of these. */
  readonly offset: number;
  readonly rows: readonly Uint8Array[];
}

/**
 * - `appended`: the rows are in the table.
 * - `exists`: the stream has rows at this offset already.
 * - `gap`: rows before this offset are missing.
 * - `rejected`: these rows are invalid; no row of the request was appended.
 * - `failed`: no row of the request was appended, unless `error` is `outcome-unknown`.
 */
export type AppendResponse =
  | { readonly kind: 'appended' | 'exists' | 'gap' }
  | { readonly kind: 'rejected'; readonly rows: readonly RowError[] }
  | { readonly kind: 'failed'; readonly error: CodedError };

export interface ConnectionEvents {
  /** Responses come in the order of the requests. */
  onResponse(response: AppendResponse): void;
  /** The connection has ended; requests without a response may have taken effect. It is called once. */
  onEnd(error: CodedError): void;
}

export interface AppendConnection {
  send(request: AppendRequest): void;
  /** No event comes after this. */
  close(): void;
}
