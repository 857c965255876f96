/**
 * PostgreSQL within the process: its dialect, statements and migrations over one embedded
 * connection. Transactions take turns, so none ever conflicts.
 */
import type { PGlite } from '@electric-sql/pglite';
import type { EpochMs } from '../../clock.ts';
import { type Log, silentLog } from '../../log.ts';
import { runAfterCommit } from '../after-commit.ts';
import { type Columns, type RowOf, timestamp } from '../column.ts';
import type { Database, Reader, Transaction } from '../database.ts';
import type { Capabilities } from '../dialect.ts';
import { checkSchema, loadMigrations, migrate } from '../migrator.ts';
import { NestingGuard } from '../nesting.ts';
import { postgresDialect } from '../postgres/dialect.ts';
import { MIGRATIONS_FOLDER, PostgresMigrationTarget } from '../postgres/migration-target.ts';
import { SessionReader } from '../postgres/reader.ts';
import { checkSchemaName, DEFAULT_SCHEMA } from '../postgres/schema-name.ts';
import { toRows, toStatement } from '../postgres/session.ts';
import { BufferedTransaction } from '../postgres/transaction.ts';
import type { Sql } from '../sql.ts';
import { localNotifications } from './notifications.ts';
import { type PgliteLike, type PgliteQueries, pgliteSession } from './session.ts';

export interface PgliteOptions {
  /** A folder to keep the data in; in memory, and gone with the process, unless given. */
  readonly dataDir?: string;
  /** Where the tables live: `postlude` unless given. */
  readonly schema?: string;
  readonly log?: Log;
}

/**
 * Opens an embedded database. Call `migrate()` before first use. Throws an error that names the
 * package to install where PGlite is missing.
 */
export async function openPglite(options: PgliteOptions = {}): Promise<Database> {
  const schema = checkSchemaName(options.schema ?? DEFAULT_SCHEMA);
  const { PGlite } = await loadPglite();
  const instance = await PGlite.create(
    options.dataDir === undefined ? {} : { dataDir: options.dataDir },
  );
  const shared = fromPglite(instance as PgliteLike, { ...options, schema });
  return Object.assign(shared, { close: () => closeOnce(instance as PgliteLike) });
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
  });
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
  readonly #guard: NestingGuard;
  readonly #migrations: PostgresMigrationTarget;

  constructor(instance: PgliteLike, options: { readonly schema: string; readonly log: Log }) {
    this.#instance = instance;
    this.#schema = options.schema;
    this.#log = options.log;
    this.#guard = guardOf(instance);
    this.notifications = localNotifications(instance, options.schema);
    this.#migrations = new PostgresMigrationTarget(
      (fn) => this.#transaction('migrate', (tx) => fn(pgliteSession(tx))),
      options.schema,
    );
  }

  read<T>(fn: (tx: Reader) => Promise<T>): Promise<T> {
    return this.#transaction('read', async (tx) => {
      await tx.exec('SET TRANSACTION READ ONLY');
      return await fn(new SessionReader(pgliteSession(tx), this.#schema));
    });
  }

  async write<T>(fn: (tx: Transaction) => Promise<T>): Promise<T> {
    const { value, calls } = await this.#transaction('write', async (tx) => {
      const transaction = new BufferedTransaction(pgliteSession(tx), this.#schema);
      const result = await fn(transaction);
      await transaction.flush();
      return { value: result, calls: transaction.afterCommitCalls() };
    });
    await runAfterCommit(calls, this.#log);
    return value;
  }

  async statement<C extends Columns>(query: Sql, columns: C): Promise<RowOf<C>[]> {
    this.#guard.check('statement');
    const { text, values } = toStatement(query, this.#schema);
    return toRows(await pgliteSession(this.#instance).run(text, values), columns);
  }

  async serverTime(): Promise<EpochMs> {
    this.#guard.check('serverTime');
    const result = await pgliteSession(this.#instance).run('SELECT clock_timestamp() AS now');
    const [row] = toRows(result, { now: timestamp });
    if (!row) throw new Error('the database told no time');
    return row.now;
  }

  async migrate(): Promise<string[]> {
    return migrate(this.#migrations, await loadMigrations(MIGRATIONS_FOLDER));
  }

  async checkSchema(): Promise<void> {
    await checkSchema(this.#migrations, await loadMigrations(MIGRATIONS_FOLDER));
  }

  async close(): Promise<void> {}

  async #transaction<T>(operation: string, fn: (tx: PgliteQueries) => Promise<T>): Promise<T> {
    this.#guard.check(operation);
    return await this.#instance.transaction((tx) => this.#guard.enter(() => fn(tx)));
  }
}

function guardOf(instance: PgliteLike): NestingGuard {
  const known = guards.get(instance);
  if (known) return known;
  const guard = new NestingGuard();
  guards.set(instance, guard);
  return guard;
}

async function closeOnce(instance: PgliteLike): Promise<void> {
  if (!instance.closed) await instance.close();
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
