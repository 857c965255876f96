/**
 * A database as the rest of the code sees it: snapshots to read, serializable transactions to
 * write, and rows as the unit of writing. Each backend keeps this contract, and the suite in
 * test/support/suites/database-suite.ts holds it to it.
 *
 * Writes are buffered and applied at commit, in order: reads in the same transaction do not see
 * them. So a transaction makes few round trips, and all backends behave as Spanner's mutations do.
 */
import type { EpochMs } from '../clock.ts';
import type { Columns, RowOf } from './column.ts';
import type { Capabilities, Dialect } from './dialect.ts';
import type { Sql } from './sql.ts';
import type { AnyTable, Key, KeyOrder, NewRow, RowUpdate } from './table.ts';

/**
 * What may not happen to a row until the transaction ends. `share`: a change. `update`: also that
 * another transaction locks it.
 */
export type RowLock = 'share' | 'update';

/** A range of a key whose first column is text. */
export interface KeyRange {
  /** Values of the key's first column, in order. */
  readonly first: readonly string[];
  /** Only what comes behind this key: a value for each of its columns. */
  readonly after?: Readonly<Record<string, unknown>> | undefined;
  readonly limit?: number;
}

/** Reads of one consistent snapshot. */
export interface Reader {
  readonly dialect: Dialect;

  /** All rows of a query that is known to be small; `columns` names and types what it selects. */
  query<C extends Columns>(query: Sql, columns: C): Promise<RowOf<C>[]>;

  /**
   * The rows of these keys that exist, each once, in no certain order. Where the database has reads
   * beside its SQL, they cost it less than queries do. Only a read-write transaction may lock.
   */
  readKeys<T extends AnyTable, C extends Columns>(
    table: T,
    keys: readonly Key<T>[],
    columns: C,
    lock?: RowLock,
  ): Promise<RowOf<C>[]>;

  /** The rows of a range that is known to be small, in its order; as cheap as reads of keys. */
  readRange<C extends Columns>(order: KeyOrder, range: KeyRange, columns: C): Promise<RowOf<C>[]>;

  /**
   * The rows of a query of any size, in bounded memory. Leaving the loop early closes the query.
   * One stream at a time in a transaction; no other query of it runs meanwhile.
   */
  stream<C extends Columns>(query: Sql, columns: C): AsyncIterable<RowOf<C>>;
}

/**
 * A read-write transaction. All methods must be awaited: in a user's own transaction (see
 * `fromPostgres`) writes are applied at once.
 */
export interface Transaction extends Reader {
  /** Fails the transaction with `already-exists` if a row with that key exists. */
  insert<T extends AnyTable>(table: T, rows: readonly NewRow<T>[]): Promise<void>;

  /** Fails the transaction with `not-found` if there is no row with that key. */
  update<T extends AnyTable>(table: T, rows: readonly RowUpdate<T>[]): Promise<void>;

  /** Inserts, or overwrites all columns. */
  upsert<T extends AnyTable>(table: T, rows: readonly NewRow<T>[]): Promise<void>;

  /** A key without a row is fine. */
  delete<T extends AnyTable>(table: T, keys: readonly Key<T>[]): Promise<void>;

  /**
   * Inserts the rows whose keys are new and answers those; rows whose keys exist already, or were
   * named before in this transaction, are left out and abort nothing.
   */
  insertNew<T extends AnyTable>(table: T, rows: readonly NewRow<T>[]): Promise<NewRow<T>[]>;

  /**
   * Calls `fn` once the commit is certain; newest first. What it throws is logged and reaches
   * nobody. When the process dies right after the commit it is never called: use it for hints
   * (wake-ups, caches), never for what must happen.
   */
  afterCommit(fn: () => void | Promise<void>): void;
}

/** For what must not wait as long as statements may; databases on a disk of their own wait for nobody. */
export interface LimitOptions {
  /**
   * How long a statement may take, in milliseconds: what takes longer ends with `unavailable`, or with
   * `outcome-unknown` where it may have landed, at most some seconds later.
   */
  readonly limitMs?: number;
}

/**
 * For looks that are small and taken again and again: one that takes so long is on a connection that
 * has fallen silent, and the next one finds another.
 */
export const LOOK: LimitOptions = { limitMs: 6_000 };

export interface WriteOptions extends LimitOptions {
  /** Aborting ends the retries, not a commit under way. */
  readonly signal?: AbortSignal;
}

export interface CloseOptions {
  /** Aborting cuts what is still running, and whatever waits for it fails with `unavailable`. */
  readonly cut?: AbortSignal;
}

export interface Database {
  readonly dialect: Dialect;
  readonly capabilities: Capabilities;
  readonly notifications: Notifications;

  /** Runs `fn` on one snapshot of the database, without locks. */
  read<T>(fn: (tx: Reader) => Promise<T>, options?: LimitOptions): Promise<T>;

  /**
   * Runs `fn` in a serializable transaction and commits. Runs it again, a bounded number of times
   * with jittered pauses, when the database aborts it or the connection goes before the commit; so
   * `fn` must have no side effects but on `tx`, and reset what it assigns outside. A connection
   * lost during the commit is resolved by what the transaction wrote, also if the server has crashed.
   *
   * Throws what `fn` throws, after a rollback. Throws `conflict` when the attempts are used up,
   * `unavailable` when there is no connection, `outcome-unknown` when even the question whether the
   * commit landed cannot be answered.
   */
  write<T>(fn: (tx: Transaction) => Promise<T>, options?: WriteOptions): Promise<T>;

  /**
   * Runs one statement that changes rows, in a transaction of its own at the level where
   * statements see what is committed (READ COMMITTED). For hot paths that lock what they touch;
   * only with the capability `skipsLockedRows`. Run again when the database aborts it; not
   * when the connection goes, since it may have landed: that throws `outcome-unknown`.
   */
  statement<C extends Columns>(query: Sql, columns: C, options?: LimitOptions): Promise<RowOf<C>[]>;

  /** The database server's clock. */
  serverTime(): Promise<EpochMs>;

  /** Applies pending migrations under a lock; answers their names. Throws `schema-too-new`. */
  migrate(): Promise<string[]>;

  /** Throws `schema-too-new` or `schema-too-old` unless the schema is the one of this version. */
  checkSchema(options?: LimitOptions): Promise<void>;

  /**
   * Why writes would be refused now, for want of room; `undefined` while they are taken. Only of
   * databases on a disk that this process sees.
   */
  writesRefusedBecause?(): string | undefined;

  /** Waits for what is running, then frees all connections. Idempotent; each `cut` holds. */
  close(options?: CloseOptions): Promise<void>;
}

/**
 * Hints between processes that something happened: delivered at most once, maybe never, so always
 * with polling behind them. A lost connection is listened to again by itself.
 */
export interface Notifications {
  /**
   * Sends `payload` (at most 7,000 bytes) to all listeners of a channel, this process included. Not
   * inside a transaction: use `afterCommit`.
   */
  notify(channel: string, payload: string): Promise<void>;

  /** Calls `fn` for each payload until the answered function is called. */
  listen(channel: string, fn: (payload: string) => void): Promise<() => Promise<void>>;
}
