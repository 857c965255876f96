/**
 * PostgreSQL over a pool of connections. Writes are SERIALIZABLE, reads see a REPEATABLE READ snapshot, and
 * single statements are READ COMMITTED.
 */
import { type Clock, type EpochMs, systemClock } from '../../foundations/clock.ts';
import { CodedError, hasCode } from '../../foundations/errors.ts';
import { type Log, silentLog } from '../../foundations/log.ts';
import { type Random, systemRandom } from '../../foundations/random.ts';
import { retry } from '../../foundations/retry.ts';
import { abortable } from '../backend/abortable-reader.ts';
import { runAfterCommit } from '../backend/after-commit.ts';
import { GatheredInserts } from '../backend/gathered-inserts.ts';
import { NestingGuard } from '../backend/nesting.ts';
import type { Columns, RowOf } from '../column.ts';
import {
  type CloseOptions,
  type Database,
  type InsertOptions,
  type LimitOptions,
  LOOK,
  type Reader,
  type ReadOptions,
  type Transaction,
  type WriteOptions,
} from '../database.ts';
import type { Capabilities } from '../dialect.ts';
import type { AnyRow } from '../key.ts';
import { loadMigrations, type MigrationSet } from '../migrations.ts';
import { checkSchema, migrate } from '../migrator.ts';
import type { Sql } from '../sql.ts';
import type { AnyTable, NewRow } from '../table.ts';
import type { Connections } from './connections/connections.ts';
import { postgresDialect } from './dialect.ts';
import { PostgresMigrationTarget } from './migration-target.ts';
import { PostgresNotifications } from './notifications.ts';
import { SessionReader } from './reader.ts';
import { readServerTime, type Session, toRows, toStatement } from './session.ts';
import { commitReads, commitWrites } from './transactions/commit.ts';
import { deleteMarks, writeMark } from './transactions/commit-marks.ts';
import { insertAllRows, insertNewRows } from './transactions/insert-new.ts';
import { NewKeyGuesses } from './transactions/new-key-guesses.ts';
import type { WritePlace } from './transactions/statements.ts';
import { type OpenTransaction, transact, withConnection } from './transactions/transact.ts';
import { PostgresTransaction } from './transactions/transaction.ts';

export interface PostgresDatabaseConfig {
  readonly connections: Connections;
  readonly maxConnections: number;
  readonly schema: string;
  readonly migrations?: readonly MigrationSet[];
  readonly clock?: Clock;
  readonly random?: Random;
  readonly log?: Log;
  /** How often a listener checks that the server is still there; 10 s by default. */
  readonly probeEveryMs?: number;
}

const RETRY_BACKOFF = { initialMs: 10, maxMs: 1000 };
const MAX_ATTEMPTS = 20;
const MAX_RETRY_MS = 20_000;
const OUTCOME_TIMEOUT_MS = 30_000;
/** How long a row of several callers may wait for another transaction before each inserts its own. */
const SHARED_LOCK_TIMEOUT = '100ms';
const BEGIN_INSERT = 'BEGIN ISOLATION LEVEL READ COMMITTED';
const BEGIN_SHARED_INSERT = `${BEGIN_INSERT}; SET LOCAL lock_timeout = '${SHARED_LOCK_TIMEOUT}'`;

/** Bounds how long `close` waits for a server that has fallen silent. */
const GOOD_BYE: LimitOptions = { limitMs: 500 };

export class PostgresDatabase implements Database {
  readonly dialect = postgresDialect;
  readonly capabilities: Capabilities;
  readonly notifications: PostgresNotifications;
  readonly #connections: Connections;
  readonly #schema: string;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: Log;
  readonly #guard = new NestingGuard();
  readonly #migrations: readonly MigrationSet[];
  readonly #inserts = new GatheredInserts({
    alone: (table, rows) =>
      this.#retry(isPassing, () => this.#insertNewOnce(BEGIN_INSERT, table, rows)),
    together: (table, rows) => this.#insertNewOnce(BEGIN_SHARED_INSERT, table, rows),
  });
  readonly #guesses = new NewKeyGuesses();
  #closing: Promise<void> | undefined;

  constructor(config: PostgresDatabaseConfig) {
    const { clock = systemClock, random = systemRandom, log = silentLog } = config;
    this.#connections = config.connections;
    this.#schema = config.schema;
    this.#clock = clock;
    this.#random = random;
    this.#log = log;
    this.capabilities = {
      connections: config.maxConnections,
      skipsLockedRows: true,
      notifies: true,
    };
    this.notifications = new PostgresNotifications({
      ...config,
      clock,
      random,
      log,
      guard: this.#guard,
    });
    this.#migrations = config.migrations ?? [];
  }

  async read<T>(fn: (tx: Reader) => Promise<T>, options: ReadOptions = {}): Promise<T> {
    this.#guard.check('read');
    const { signal } = options;
    return await transact(this.#limitedBy(options), {
      begin: 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY',
      signal,
      run: (session) => {
        const reader = abortable(new SessionReader(session, this.#schema), signal);
        return this.#guard.enter(() => fn(reader));
      },
      end: afterReading,
    });
  }

  async write<T>(fn: (tx: Transaction) => Promise<T>, options: WriteOptions = {}): Promise<T> {
    this.#guard.check('write');
    let thrown: { readonly error: unknown } | undefined;
    const { value, transaction } = await this.#retry(
      // An error that `fn` itself throws may have a code, too, but is never retried.
      (error) => error !== thrown?.error && isPassing(error),
      () =>
        this.#writeOnce(this.#limitedBy(options), fn, (error) => {
          thrown = { error };
        }),
      options.signal,
    );
    await runAfterCommit(transaction.afterCommitCalls(), this.#log);
    return value;
  }

  async statement<C extends Columns>(
    query: Sql,
    columns: C,
    options?: LimitOptions,
  ): Promise<RowOf<C>[]> {
    this.#guard.check('statement');
    const { text, values } = toStatement(query, this.#schema);
    const result = await this.#retry(
      (error) => hasCode(error, 'conflict'),
      () =>
        withConnection(this.#limitedBy(options), (connection) =>
          connection.run(text, values).catch(maybeLanded),
        ),
    );
    return toRows(result, columns);
  }

  async insertNew<T extends AnyTable>(
    table: T,
    rows: readonly NewRow<T>[],
    options?: InsertOptions,
  ): Promise<NewRow<T>[]> {
    this.#guard.check('insertNew');
    return await this.#inserts.insert(table, rows, options);
  }

  async serverTime(): Promise<EpochMs> {
    this.#guard.check('serverTime');
    return await withConnection(this.#limitedBy(LOOK), readServerTime);
  }

  async migrate(): Promise<string[]> {
    this.#guard.check('migrate');
    const target = this.#schemaOver(this.#connections.limitedTo(undefined));
    return await migrate(target, await loadMigrations('postgres', this.#migrations));
  }

  async checkSchema(options?: LimitOptions): Promise<void> {
    this.#guard.check('checkSchema');
    const target = this.#schemaOver(this.#limitedBy(options));
    await checkSchema(target, await loadMigrations('postgres', this.#migrations));
  }

  close({ cut }: CloseOptions = {}): Promise<void> {
    if (cut?.aborted) this.#connections.cut();
    cut?.addEventListener('abort', () => this.#connections.cut(), { once: true });
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #schemaOver(connections: Connections): PostgresMigrationTarget {
    const begin = 'BEGIN ISOLATION LEVEL READ COMMITTED';
    return new PostgresMigrationTarget(
      (fn) => this.#transaction(begin, fn, connections),
      this.#schema,
    );
  }

  async #close(): Promise<void> {
    await this.notifications.close();
    await this.#deleteMarks().catch(() => undefined); // another process collects the marks later
    await this.#connections.close();
  }

  async #deleteMarks(): Promise<void> {
    const marks = this.#connections.marks.takeWritten();
    if (marks.length === 0 || !this.#connections.hasIdle()) return;
    await withConnection(this.#limitedBy(GOOD_BYE), (connection) =>
      deleteMarks(connection, this.#schema, marks),
    );
  }

  #limitedBy({ limitMs }: LimitOptions = {}): Connections {
    return limitMs === undefined ? this.#connections : this.#connections.limitedTo(limitMs);
  }

  async #writeOnce<T>(
    connections: Connections,
    fn: (tx: Transaction) => Promise<T>,
    onThrown: (error: unknown) => void,
  ): Promise<{ readonly value: T; readonly transaction: PostgresTransaction }> {
    return await transact(connections, {
      begin: 'BEGIN ISOLATION LEVEL SERIALIZABLE',
      run: async (session) => {
        const transaction = new PostgresTransaction(this.#placeOf(session));
        try {
          return { value: await this.#guard.enter(() => fn(transaction)), transaction };
        } catch (error) {
          if (!session.failure) onThrown(error);
          throw error;
        }
      },
      end: async (open, result) => {
        if (result.transaction.hasWrites) {
          await this.#commit(open, () => result.transaction.flush());
        } else {
          await commitReads(open.connection);
        }
        return result;
      },
    });
  }

  /** Makes the writes and commits. BEGIN, the mark and the first of them travel together. */
  async #commit<T>(
    { session, connection }: OpenTransaction,
    applyWrites: () => Promise<T>,
  ): Promise<T> {
    const marked = writeMark(connection, this.#schema);
    session.follow(marked);
    const value = await applyWrites();
    await commitWrites(connection, await marked, {
      connections: this.#connections,
      schema: this.#schema,
      clock: this.#clock,
      random: this.#random,
      outcomeTimeoutMs: OUTCOME_TIMEOUT_MS,
    });
    return value;
  }

  async #insertNewOnce(
    begin: string,
    table: AnyTable,
    rows: readonly AnyRow[],
  ): Promise<readonly AnyRow[]> {
    if (this.#guesses.areNew(table, rows.length)) {
      try {
        const inserted = await this.#insert(begin, (place) => insertAllRows(place, table, rows));
        this.#guesses.wasRight(table);
        return inserted;
      } catch (error) {
        if (!hasCode(error, 'already-exists')) throw error;
        this.#guesses.wasWrong(table);
      }
    }
    return await this.#insert(begin, (place) => insertNewRows(place, table, rows));
  }

  async #insert(
    begin: string,
    insert: (place: WritePlace) => Promise<readonly AnyRow[]>,
  ): Promise<readonly AnyRow[]> {
    return await transact(this.#connections, {
      begin,
      run: async () => undefined,
      end: (open) => this.#commit(open, () => insert(this.#placeOf(open.session))),
    });
  }

  #placeOf(session: Session): WritePlace {
    return { session, schema: this.#schema, only: 'begun ahead', isBinary: true };
  }

  /**
   * Runs a transaction whose outcome need not be certain: one that reads, or whose changes can be made
   * again.
   */
  async #transaction<T>(
    begin: string,
    fn: (session: Session) => Promise<T>,
    connections = this.#connections,
  ): Promise<T> {
    return await transact(connections, {
      begin,
      run: fn,
      end: afterReading,
    });
  }

  #retry<T>(
    isRetryable: (error: unknown) => boolean,
    fn: () => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const endsAt = this.#clock.monotonicMs() + MAX_RETRY_MS;
    return retry(
      {
        backoff: RETRY_BACKOFF,
        maxAttempts: MAX_ATTEMPTS,
        isRetryable: (error) => isRetryable(error) && this.#clock.monotonicMs() < endsAt,
        clock: this.#clock,
        random: this.#random,
        ...(signal ? { signal } : {}),
      },
      fn,
    );
  }
}

async function afterReading<T>({ connection }: OpenTransaction, value: T): Promise<T> {
  await commitReads(connection);
  return value;
}

/** Whether the transaction certainly did not land, and may if it runs again. */
function isPassing(error: unknown): boolean {
  return hasCode(error, 'conflict', 'unavailable');
}

function maybeLanded(error: unknown): never {
  if (!hasCode(error, 'unavailable')) throw error;
  const message = 'the connection was lost during a statement, which may have landed';
  throw new CodedError('outcome-unknown', message, { cause: error });
}
