/**
 * PostgreSQL within the process: its dialect, statements and migrations over one embedded
 * connection. Transactions take turns, so none ever conflicts.
 */
import type { PGlite } from '@electric-sql/pglite';
import type { EpochMs } from '../../clock.ts';
import { CodedError } from '../../errors.ts';
import { type Log, silentLog } from '../../log.ts';
import { runAfterCommit } from '../after-commit.ts';
import type { Columns, RowOf } from '../column.ts';
import type { Database, Reader, Transaction } from '../database.ts';
import type { Capabilities } from '../dialect.ts';
import { checkSchema, loadMigrations, migrate } from '../migrator.ts';
import { NestingGuard } from '../nesting.ts';
import { postgresDialect } from '../postgres/dialect.ts';
import { MIGRATIONS_FOLDER, PostgresMigrationTarget } from '../postgres/migration-target.ts';
import { SessionReader } from '../postgres/reader.ts';
import { checkSchemaName, DEFAULT_SCHEMA } from '../postgres/schema-name.ts';
import { readServerTime, type Session, toRows, toStatement } from '../postgres/session.ts';
import { PostgresTransaction } from '../postgres/transaction.ts';
import { WatchedSession } from '../postgres/watched-session.ts';
import type { Sql } from '../sql.ts';
import { lockDataFolder } from './data-lock.ts';
import { localNotifications } from './notifications.ts';
import { type PgliteLike, pgliteSession } from './session.ts';

export interface PgliteOptions {
  /**
   * A folder to keep the data in, for one process at a time; in memory, and gone with the process,
   * unless given.
   */
  readonly dataDir?: string;
  /** Where the tables live: `postlude` unless given. */
  readonly schema?: string;
  readonly log?: Log;
}

/**
 * Opens an embedded database. Call `migrate()` before first use. Throws `unavailable` while another
 * process has the folder open, and an error that names the package to install where PGlite is
 * missing.
 */
export async function openPglite(options: PgliteOptions = {}): Promise<Database> {
  const schema = checkSchemaName(options.schema ?? DEFAULT_SCHEMA);
  const { PGlite } = await loadPglite();
  const { dataDir } = options;
  const unlock = dataDir === undefined ? async () => undefined : await lockDataFolder(dataDir);
  try {
    const instance = await PGlite.create(dataDir === undefined ? {} : { dataDir });
    const free = async (): Promise<void> => {
      if (!instance.closed) await instance.close();
      await unlock();
    };
    return new PgliteDatabase(instance, { schema, log: options.log ?? silentLog, free });
  } catch (error) {
    await unlock();
    throw error;
  }
}

/**
 * A database in a PGlite instance of the caller's: it takes turns with the caller's own
 * transactions, and `close` leaves the instance open.
 */
export function fromPglite(
  instance: PgliteLike,
  options: Omit<PgliteOptions, 'dataDir'> = {},
): Database {
  return new PgliteDatabase(instance, {
    schema: checkSchemaName(options.schema ?? DEFAULT_SCHEMA),
    log: options.log ?? silentLog,
    free: () => Promise.resolve(),
  });
}

interface PgliteDatabaseConfig {
  readonly schema: string;
  readonly log: Log;
  /** Frees the instance, where it is ours. */
  readonly free: () => Promise<void>;
}

/** One connection each, so nesting is refused across all databases of an instance. */
const guards = new WeakMap<PgliteLike, NestingGuard>();

class PgliteDatabase implements Database {
  readonly dialect = postgresDialect;
  readonly capabilities: Capabilities = { connections: 1, claim: 'skip-locked', notifies: false };
  readonly notifications;
  readonly #instance: PgliteLike;
  readonly #schema: string;
  readonly #log: Log;
  readonly #free: () => Promise<void>;
  readonly #guard: NestingGuard;
  readonly #migrations: PostgresMigrationTarget;
  #closing: Promise<void> | undefined;

  constructor(instance: PgliteLike, config: PgliteDatabaseConfig) {
    this.#instance = instance;
    this.#schema = config.schema;
    this.#log = config.log;
    this.#free = config.free;
    this.#guard = guardOf(instance);
    this.notifications = localNotifications(instance, { ...config, guard: this.#guard });
    this.#migrations = new PostgresMigrationTarget(
      (fn) => this.#transaction('migrate', fn),
      config.schema,
    );
  }

  read<T>(fn: (tx: Reader) => Promise<T>): Promise<T> {
    return this.#transaction('read', async (session) => {
      await session.run('SET TRANSACTION READ ONLY');
      return await fn(new SessionReader(session, this.#schema));
    });
  }

  async write<T>(fn: (tx: Transaction) => Promise<T>): Promise<T> {
    const { value, calls } = await this.#transaction('write', async (session) => {
      const transaction = new PostgresTransaction(session, this.#schema);
      const result = await fn(transaction);
      await transaction.flush();
      return { value: result, calls: transaction.afterCommitCalls() };
    });
    await runAfterCommit(calls, this.#log);
    return value;
  }

  async statement<C extends Columns>(query: Sql, columns: C): Promise<RowOf<C>[]> {
    this.#check('statement');
    const { text, values } = toStatement(query, this.#schema);
    return toRows(await pgliteSession(this.#instance).run(text, values), columns);
  }

  async serverTime(): Promise<EpochMs> {
    this.#check('serverTime');
    return readServerTime(pgliteSession(this.#instance));
  }

  async migrate(): Promise<string[]> {
    return migrate(this.#migrations, await loadMigrations(MIGRATIONS_FOLDER));
  }

  async checkSchema(): Promise<void> {
    await checkSchema(this.#migrations, await loadMigrations(MIGRATIONS_FOLDER));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (!this.#instance.closed) await this.#instance.transaction(async () => undefined); // our turn
    await this.#free();
  }

  async #transaction<T>(operation: string, fn: (session: Session) => Promise<T>): Promise<T> {
    this.#check(operation);
    return await this.#instance.transaction((tx) =>
      this.#guard.enter(async () => {
        const session = new WatchedSession(pgliteSession(tx));
        const value = await fn(session).catch((error: unknown) => {
          throw session.failure?.error ?? error;
        });
        session.check();
        return value;
      }),
    );
  }

  #check(operation: string): void {
    this.#guard.check(operation);
    if (this.#closing) {
      throw new CodedError('failed-precondition', 'the database has been closed');
    }
  }
}

function guardOf(instance: PgliteLike): NestingGuard {
  const known = guards.get(instance);
  if (known) return known;
  const guard = new NestingGuard();
  guards.set(instance, guard);
  return guard;
}

async function loadPglite(): Promise<{ readonly PGlite: typeof PGlite }> {
  try {
    return await import('@electric-sql/pglite');
  } catch (cause) {
    throw new Error('the embedded database needs PGlite: npm install @electric-sql/pglite', {
      cause,
    });
  }
}
