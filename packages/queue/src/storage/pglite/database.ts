/**
 * PostgreSQL within the process: it uses PostgreSQL's dialect, statements and migrations on one embedded
 * connection. Transactions run one after the other, so they never conflict.
 */
import type { EpochMs } from '../../foundations/clock.ts';
import { CodedError } from '../../foundations/errors.ts';
import { type Log, silentLog } from '../../foundations/log.ts';
import { abortable } from '../backend/abortable-reader.ts';
import { runAfterCommit } from '../backend/after-commit.ts';
import { NestingGuard } from '../backend/nesting.ts';
import type { Columns, RowOf } from '../column.ts';
import type { Database, Reader, ReadOptions, Transaction } from '../database.ts';
import type { Capabilities } from '../dialect.ts';
import { loadMigrations, type MigrationSet } from '../migrations.ts';
import { checkSchema, migrate } from '../migrator.ts';
import { WatchedSession } from '../postgres/connections/watched-session.ts';
import { postgresDialect } from '../postgres/dialect.ts';
import { PostgresMigrationTarget } from '../postgres/migration-target.ts';
import { SessionReader } from '../postgres/reader.ts';
import { checkSchemaName, DEFAULT_SCHEMA } from '../postgres/schema-name.ts';
import { readServerTime, type Session, toRows, toStatement } from '../postgres/session.ts';
import { PostgresTransaction } from '../postgres/transactions/transaction.ts';
import type { Sql } from '../sql.ts';
import { keepByteOrderMarks } from './byte-order-marks.ts';
import { Checkpoints } from './checkpoints.ts';
import { lockDataFolder } from './data-lock.ts';
import { DiskRoom } from './disk-room.ts';
import { localNotifications } from './notifications.ts';
import { openFolder, openInMemory } from './open-instance.ts';
import { type PgliteLike, pgliteSession } from './session.ts';
import { SurvivingInstance } from './surviving-instance.ts';
import { systemTrouble } from './system-trouble.ts';
import { WritingSession } from './writing-session.ts';

export interface PgliteOptions {
  /**
   * The folder for the data, which one process at a time can use. Without it, the data is in memory and
   * ends with the process.
   */
  readonly dataDir?: string;
  /** The schema of the tables; `postlude` by default. */
  readonly schema?: string;
  /** Your own migrations, which `migrate()` applies after those of the queue. */
  readonly migrations?: readonly MigrationSet[];
  readonly log?: Log;
}

/**
 * Opens an embedded database. Call `migrate()` before first use. Throws `unavailable` if another process has
 * the folder open, `failed-precondition` if PGlite is not installed, and the system's reason if the folder
 * cannot be used: `resource-exhausted`, `permission-denied`.
 *
 * In a folder, writes throw `resource-exhausted` with the reason `disk-full` while the disk has less than
 * 10 MB free; reads still work. Writes are accepted again when there is room. If even that reserve is used
 * up, all calls throw this error until there is room.
 */
export async function openPglite(options: PgliteOptions = {}): Promise<Database> {
  const schema = checkSchemaName(options.schema ?? DEFAULT_SCHEMA);
  const { dataDir, migrations = [], log = silentLog } = options;
  if (dataDir === undefined) {
    const instance = await openInMemory();
    const free = () => closeOnce(instance);
    return new PgliteDatabase(instance, {
      schema,
      migrations,
      log,
      isOurs: true,
      free,
      room: undefined,
    });
  }
  const unlock = await lockDataFolder(dataDir);
  try {
    const { instance, room } = await openSurviving(dataDir, log);
    const free = async (): Promise<void> => {
      await closeOnce(instance);
      await unlock();
    };
    return new PgliteDatabase(instance, { schema, migrations, log, isOurs: true, free, room });
  } catch (error) {
    await unlock();
    throw error;
  }
}

async function closeOnce(instance: PgliteLike): Promise<void> {
  if (!instance.closed) await instance.close();
}

async function openSurviving(folder: string, log: Log) {
  const first = await openFolder(folder, log);
  const room = new DiskRoom({ folder, segmentBytes: first.segmentBytes, log });
  const instance = new SurvivingInstance(first.instance, {
    folder,
    open: async () => (await openFolder(folder, log)).instance,
    requireRoom: () => room.require(0),
    log,
  });
  return { instance, room };
}

/**
 * Opens a database in the caller's own PGlite instance. It takes turns with the caller's transactions, and
 * `close` leaves the instance open. From then on, queries of the instance no longer lose a U+FEFF with
 * which a value begins.
 */
export function fromPglite(
  instance: PgliteLike,
  options: Omit<PgliteOptions, 'dataDir'> = {},
): Database {
  keepByteOrderMarks(instance);
  return new PgliteDatabase(instance, {
    schema: checkSchemaName(options.schema ?? DEFAULT_SCHEMA),
    migrations: options.migrations ?? [],
    log: options.log ?? silentLog,
    isOurs: false,
    free: () => Promise.resolve(),
    room: undefined,
  });
}

interface PgliteDatabaseConfig {
  readonly schema: string;
  readonly migrations: readonly MigrationSet[];
  readonly log: Log;
  /** Whether we opened the instance; if so, we also make its checkpoints. */
  readonly isOurs: boolean;
  readonly free: () => Promise<void>;
  /** The folder's disk, if we opened the instance in a folder. */
  readonly room: DiskRoom | undefined;
}

/** An instance has one connection, so transactions of its databases cannot be nested in one another. */
const guards = new WeakMap<PgliteLike, NestingGuard>();

class PgliteDatabase implements Database {
  readonly dialect = postgresDialect;
  readonly capabilities: Capabilities = { connections: 1, skipsLockedRows: true, notifies: false };
  readonly notifications;
  readonly #instance: PgliteLike;
  readonly #schema: string;
  readonly #log: Log;
  readonly #free: () => Promise<void>;
  readonly #guard: NestingGuard;
  readonly #target: PostgresMigrationTarget;
  readonly #migrations: readonly MigrationSet[];
  readonly #room: DiskRoom | undefined;
  readonly #checkpoints: Checkpoints | undefined;
  #closing: Promise<void> | undefined;

  constructor(instance: PgliteLike, config: PgliteDatabaseConfig) {
    this.#instance = instance;
    this.#schema = config.schema;
    this.#log = config.log;
    this.#free = config.free;
    this.#room = config.room;
    this.#checkpoints = config.isOurs
      ? new Checkpoints(pgliteSession(instance), config.log)
      : undefined;
    this.#guard = guardOf(instance);
    this.notifications = localNotifications(instance, { ...config, guard: this.#guard });
    this.#migrations = config.migrations;
    this.#target = new PostgresMigrationTarget(
      (fn) => this.#transaction('migrate', (session) => fn(this.#writing(session))),
      config.schema,
    );
  }

  read<T>(fn: (tx: Reader) => Promise<T>, { signal }: ReadOptions = {}): Promise<T> {
    return this.#transaction('read', async (session) => {
      signal?.throwIfAborted(); // it may have waited for its turn
      await session.run('SET TRANSACTION READ ONLY');
      return await fn(abortable(new SessionReader(session, this.#schema), signal));
    });
  }

  async write<T>(fn: (tx: Transaction) => Promise<T>): Promise<T> {
    const { value, calls } = await this.#transaction('write', async (session) => {
      const transaction = new PostgresTransaction(this.#writing(session), this.#schema);
      const result = await fn(transaction);
      await transaction.flush();
      return { value: result, calls: transaction.afterCommitCalls() };
    });
    await this.#checkpoints?.makeIfDue();
    await runAfterCommit(calls, this.#log);
    return value;
  }

  async statement<C extends Columns>(query: Sql, columns: C): Promise<RowOf<C>[]> {
    this.#check('statement');
    const { text, values } = toStatement(query, this.#schema);
    const session = this.#writing(pgliteSession(this.#instance));
    const result = await session.run(text, values);
    await this.#checkpoints?.makeIfDue();
    return toRows(result, columns);
  }

  writesRefusedBecause(): string | undefined {
    return this.#room?.shortage();
  }

  async serverTime(): Promise<EpochMs> {
    this.#check('serverTime');
    return readServerTime(pgliteSession(this.#instance));
  }

  async migrate(): Promise<string[]> {
    try {
      return await migrate(this.#target, await loadMigrations('postgres', this.#migrations));
    } catch (error) {
      throw systemTrouble('the embedded database', error) ?? error;
    }
  }

  async checkSchema(): Promise<void> {
    await checkSchema(this.#target, await loadMigrations('postgres', this.#migrations));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (!this.#instance.closed) await this.#instance.transaction(async () => undefined); // waits for our turn
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

  #writing(session: Session): Session {
    return new WritingSession(session, {
      beforeWrite: (bytes) => {
        this.#room?.require(bytes);
        this.#checkpoints?.wrote(bytes);
      },
    });
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
