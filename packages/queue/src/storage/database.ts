/**
 * The contract of a database: it reads from snapshots, writes in serializable transactions, and is written
 * to by rows. Each backend keeps this contract, and the suite in test/support/suites/database-suite.ts
 * checks that.
 *
 * Writes are buffered and applied in order at commit, so reads in the same transaction do not see them. A
 * transaction therefore makes few round trips, and all backends behave as Spanner's mutations do.
 */
import type { EpochMs } from '../foundations/clock.ts';
import type { Columns, RowOf } from './column.ts';
import type { Capabilities, Dialect } from './dialect.ts';
import type { Sql } from './sql.ts';
import type { AnyTable, Key, KeyOrder, NewRow, RowUpdate } from './table.ts';

/**
 * What other transactions cannot do to a row until this one ends. `share` keeps them from changing it;
 * `update` also keeps them from locking it.
 */
export type RowLock = 'share' | 'update';

export interface LockingRead<C extends Columns> {
  readonly columns: C;
  readonly lock: RowLock;
}

/** A range of a key whose first column is text. */
export interface KeyRange {
  /** The values of the key's first column, in order. */
  readonly first: readonly string[];
  /** The range starts after this key, which has a value for each of its columns. */
  readonly after?: Readonly<Record<string, unknown>> | undefined;
  readonly limit?: number;
}

/** Reads from one consistent snapshot. */
export interface Reader {
  readonly dialect: Dialect;

  /**
   * Returns all rows of a query whose result is known to be small. `columns` names and types what it
   * selects.
   */
  query<C extends Columns>(query: Sql, columns: C): Promise<RowOf<C>[]>;

  /**
   * Returns the rows that have these keys, each once and in no particular order; keys without a row are
   * skipped. If the database can read rows without SQL, this is cheaper than a query.
   */
  readKeys<T extends AnyTable, C extends Columns>(
    table: T,
    keys: readonly Key<T>[],
    columns: C,
  ): Promise<RowOf<C>[]>;

  /** Returns the rows of a range that is known to be small, in its order. It is as cheap as `readKeys`. */
  readRange<C extends Columns>(order: KeyOrder, range: KeyRange, columns: C): Promise<RowOf<C>[]>;

  /**
   * Yields the rows of a query of any size, in bounded memory. Leaving the loop early closes the query. A
   * transaction can have one stream at a time, and no other query while it is open.
   */
  stream<C extends Columns>(query: Sql, columns: C): AsyncIterable<RowOf<C>>;
}

/**
 * A read-write transaction. All methods must be awaited, because writes are applied at once in a user's
 * own transaction (see `fromPostgres`).
 */
export interface Transaction extends Reader {
  /** Reads rows as `readKeys` does, and locks them until the transaction ends. */
  lockKeys<T extends AnyTable, C extends Columns>(
    table: T,
    keys: readonly Key<T>[],
    read: LockingRead<C>,
  ): Promise<RowOf<C>[]>;

  /** Fails the transaction with `already-exists` if a row with that key exists. */
  insert<T extends AnyTable>(table: T, rows: readonly NewRow<T>[]): Promise<void>;

  /** Fails the transaction with `not-found` if there is no row with that key. */
  update<T extends AnyTable>(table: T, rows: readonly RowUpdate<T>[]): Promise<void>;

  /** Inserts each row, or overwrites all columns of the existing one. */
  upsert<T extends AnyTable>(table: T, rows: readonly NewRow<T>[]): Promise<void>;

  /** Deletes the rows with these keys. A key without a row is no error. */
  delete<T extends AnyTable>(table: T, keys: readonly Key<T>[]): Promise<void>;

  /**
   * Inserts the rows whose keys are new, and returns these rows. Rows whose keys exist already, or were
   * written before in this transaction, are skipped and abort nothing.
   */
  insertNew<T extends AnyTable>(table: T, rows: readonly NewRow<T>[]): Promise<NewRow<T>[]>;

  /**
   * Calls `fn` after the commit is certain; the last one registered is called first. An error that it throws
   * is logged and goes no further. It is never called if the process dies right after the commit, so use
   * it for hints (wake-ups, caches) and never for work that must happen.
   */
  afterCommit(fn: () => void | Promise<void>): void;
}

/** For callers that must not wait as long as statements may take. Embedded databases ignore the limit. */
export interface LimitOptions {
  /**
   * How long a statement may take, in milliseconds. One that takes longer ends at most some seconds later,
   * with `unavailable`, or with `outcome-unknown` if it may have landed.
   */
  readonly limitMs?: number | undefined;
}

/**
 * The limit for small reads that are repeated. If one takes this long, its connection has fallen silent, and
 * the next read uses another connection.
 */
export const LOOK: LimitOptions = { limitMs: 6_000 };

export interface ReadOptions extends LimitOptions {
  /**
   * Aborting ends the read, with the signal's reason: before its next statement and, on a database that is
   * not embedded, within the one that is running.
   */
  readonly signal?: AbortSignal | undefined;
}

export interface WriteOptions extends LimitOptions {
  /** Aborting ends the retries, but not a commit that has begun. */
  readonly signal?: AbortSignal;
}

export interface InsertOptions {
  /**
   * Whether the rows may be inserted in one transaction with those of concurrent calls; true unless given.
   * Then many callers need few commits.
   */
  readonly gather?: boolean | undefined;
}

export interface CloseOptions {
  /** Aborting cuts off what is still running; its callers get `unavailable`. */
  readonly cut?: AbortSignal;
}

export interface Database {
  readonly dialect: Dialect;
  readonly capabilities: Capabilities;
  readonly notifications: Notifications;

  /** Runs `fn` on one snapshot of the database, without locks. */
  read<T>(fn: (tx: Reader) => Promise<T>, options?: ReadOptions): Promise<T>;

  /**
   * Runs `fn` in a serializable transaction and commits. If the database aborts the transaction, or the
   * connection is lost before the commit, `fn` runs again, a bounded number of times with jittered pauses.
   * So `fn` must have no side effects except on `tx`, and must reset what it assigns outside. If the
   * connection is lost during the commit, what the transaction wrote tells whether the commit landed, even
   * if the server has crashed.
   *
   * Throws what `fn` throws, after a rollback. Throws `conflict` if the attempts are used up, `unavailable`
   * if there is no connection, and `outcome-unknown` if it cannot be found out whether the commit landed.
   */
  write<T>(fn: (tx: Transaction) => Promise<T>, options?: WriteOptions): Promise<T>;

  /**
   * Runs one statement that changes rows, in a transaction of its own that sees what is committed (READ
   * COMMITTED). It is meant for hot paths that lock what they touch, and exists only with the capability
   * `skipsLockedRows`. The statement runs again if the database aborts it, but not if the connection is
   * lost: it may have landed then, so this throws `outcome-unknown`.
   */
  statement<C extends Columns>(query: Sql, columns: C, options?: LimitOptions): Promise<RowOf<C>[]>;

  /**
   * Inserts the rows whose keys are new, all of them or none, and returns these rows after the commit. Rows
   * whose keys exist already, or come twice, are skipped. A small call may share its transaction with others
   * (`gather`), but has an outcome and errors of its own. Throws as `write` does.
   */
  insertNew<T extends AnyTable>(
    table: T,
    rows: readonly NewRow<T>[],
    options?: InsertOptions,
  ): Promise<NewRow<T>[]>;

  /** Returns the time by the database server's clock. */
  serverTime(): Promise<EpochMs>;

  /** Applies pending migrations under a lock, and returns their names. Throws `schema-too-new`. */
  migrate(): Promise<string[]>;

  /** Throws `schema-too-new` or `schema-too-old` unless the schema is that of this version. */
  checkSchema(options?: LimitOptions): Promise<void>;

  /**
   * Returns why writes would be refused now, for lack of disk space; `undefined` if they would be accepted.
   * Only databases on a disk of this machine have this method.
   */
  writesRefusedBecause?(): string | undefined;

  /**
   * Waits for what is running, then frees all connections. It can be called again; each call's `cut` is
   * obeyed.
   */
  close(options?: CloseOptions): Promise<void>;
}

/**
 * Hints from process to process that something has happened. Each is delivered at most once, and may be
 * lost, so listeners poll as well. After a lost connection, listening resumes by itself.
 */
export interface Notifications {
  /**
   * Sends `payload` (at most 7,000 bytes) to all listeners of a channel, including those of this process.
   * It must not be called inside a transaction; use `afterCommit` there.
   */
  notify(channel: string, payload: string): Promise<void>;

  /** Calls `fn` for each payload. Returns a function that ends this. */
  listen(channel: string, fn: (payload: string) => void): Promise<() => Promise<void>>;
}
