/**
 * PostgreSQL within the process: it uses PostgreSQL's dialect, statements and migrations on one embedded
 * connection. Transactions run one after the other, so they never conflict.
 */
import type { EpochMs } from '../../foundations/clock.ts';
import { CodedError } from '../../foundations/errors.ts';
import { type Log, silentLog } from '../../foundations/log.ts';
import { abortable } from '../backend/abortable-reader.ts';
import { runAfterCommit } from '../backend/after-commit.ts';
import { GatheredInserts } from '../backend/gathered-inserts.ts';
import { NestingGuard } from '../backend/nesting.ts';
import type { Columns, RowOf } from '../column.ts';
import type { Database, InsertOptions, Reader, ReadOptions, Transaction } from '../database.ts';
import type { Capabilities } from '../dialect.ts';
import type { AnyRow } from '../key.ts';
import { loadMigrations, type MigrationSet } from '../migrations.ts';
import { checkSchema, migrate } from '../migrator.ts';
import { WatchedSession } from '../postgres/connections/watched-session.ts';
import { postgresDialect } from '../postgres/dialect.ts';
import { PostgresMigrationTarget } from '../postgres/migration-target.ts';
import { SessionReader } from '../postgres/reader.ts';
import { checkSchemaName, DEFAULT_SCHEMA } from '../postgres/schema-name.ts';
import { readServerTime, type Session, toRows, toStatement } from '../postgres/session.ts';
import { insertNewRows } from '../postgres/transactions/insert-new.ts';
import type { WritePlace } from '../postgres/transactions/statements.ts';
import { PostgresTransaction } from '../postgres/transactions/transaction.ts';
import type { Sql } from '../sql.ts';
import type { AnyTable, NewRow } from '../table.ts';
import { Checkpoints } from './checkpoints.ts';
import { lockDataFolder } from './data-lock.ts';
import { DiskRoom } from './disk-room.ts';
import { FairTurns } from './fair-turns.ts';
import { LoopSlices } from './loop-slices.ts';
import { localNotifications } from './notifications.ts';
import { loadProtocol, openFolder, openInMemory } from './open-instance.ts';
import { decodeRows } from './result-rows.ts';
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
  /**
   * Returns for whom a transaction works that is about to begin. There is one connection, so transactions
   * wait for one another; they are served in turn by this name, so that nobody waits for all that another
   * one has asked for. Unless given, they are served in the order in which they came.
   */
  readonly callerOf?: () => string | undefined;
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
  const { dataDir, migrations = [], callerOf = nobody, log = silentLog } = options;
  const common = { schema, migrations, callerOf, log, isOurs: true };
  if (dataDir === undefined) {
    const instance = await openInMemory();
    const free = () => closeOnce(instance);
    return new PgliteDatabase(instance, { ...common, free, room: undefined });
  }
  const unlock = await lockDataFolder(dataDir);
  try {
    const { instance, room } = await openSurviving(dataDir, log);
    const free = async (): Promise<void> => {
      await closeOnce(instance);
      await unlock();
    };
    return new PgliteDatabase(instance, { ...common, free, room });
  } catch (error) {
    await unlock();
    throw error;
  }
}

function nobody(): undefined {}

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
  decodeRows(instance, loadProtocol);
  return new PgliteDatabase(instance, {
    schema: checkSchemaName(options.schema ?? DEFAULT_SCHEMA),
    migrations: options.migrations ?? [],
    callerOf: options.callerOf ?? nobody,
    log: options.log ?? silentLog,
    isOurs: false,
    free: () => Promise.resolve(),
    room: undefined,
  });
}

interface PgliteDatabaseConfig {
  readonly schema: string;
  readonly migrations: readonly MigrationSet[];
  readonly callerOf: () => string | undefined;
  readonly log: Log;
  /** Whether we opened the instance; if so, we also make its checkpoints. */
  readonly isOurs: boolean;
  readonly free: () => Promise<void>;
  /** The folder's disk, if we opened the instance in a folder. */
  readonly room: DiskRoom | undefined;
}

/** An instance has one connection, which all databases in it share. */
interface Sharing {
  /** Transactions cannot be nested in one another. */
  readonly guard: NestingGuard;
  readonly turns: FairTurns;
  readonly slices: LoopSlices;
}

const sharings = new WeakMap<PgliteLike, Sharing>();

class PgliteDatabase implements Database {
  readonly dialect = postgresDialect;
  readonly capabilities: Capabilities = { connections: 1, skipsLockedRows: true, notifies: false };
  readonly notifications;
  readonly #instance: PgliteLike;
  readonly #schema: string;
  readonly #log: Log;
  readonly #free: () => Promise<void>;
  readonly #callerOf: () => string | undefined;
  readonly #sharing: Sharing;
  /** What runs, or waits for its turn. */
  readonly #active = new Set<Promise<unknown>>();
  readonly #target: PostgresMigrationTarget;
  readonly #migrations: readonly MigrationSet[];
  readonly #room: DiskRoom | undefined;
  readonly #checkpoints: Checkpoints | undefined;
  readonly #inserts = new GatheredInserts({
    alone: (table, rows) => this.#insertNew(table, rows),
  });
  #closing: Promise<void> | undefined;

  constructor(instance: PgliteLike, config: PgliteDatabaseConfig) {
    this.#instance = instance;
    this.#schema = config.schema;
    this.#log = config.log;
    this.#free = config.free;
    this.#room = config.room;
    this.#callerOf = config.callerOf;
    this.#checkpoints = config.isOurs
      ? new Checkpoints(pgliteSession(instance), config.log)
      : undefined;
    this.#sharing = sharingOf(instance);
    this.notifications = localNotifications(instance, { ...config, guard: this.#sharing.guard });
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
      const transaction = new PostgresTransaction(this.#placeOf(session));
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
    const session = this.#writing(this.#sharing.slices.of(pgliteSession(this.#instance)));
    const result = await this.#inTurn(() => session.run(text, values));
    await this.#checkpoints?.makeIfDue();
    return toRows(result, columns);
  }

  async insertNew<T extends AnyTable>(
    table: T,
    rows: readonly NewRow<T>[],
    options?: InsertOptions,
  ): Promise<NewRow<T>[]> {
    this.#check('insertNew');
    return await this.#inserts.insert(table, rows, options);
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
    await Promise.allSettled(this.#active);
    if (!this.#instance.closed) await this.#instance.transaction(async () => undefined); // waits for its owner
    await this.#free();
  }

  async #transaction<T>(operation: string, fn: (session: Session) => Promise<T>): Promise<T> {
    this.#check(operation);
    const { guard, slices } = this.#sharing;
    return await this.#inTurn(() =>
      this.#instance.transaction((tx) =>
        guard.enter(async () => {
          const session = new WatchedSession(slices.of(pgliteSession(tx)));
          const value = await fn(session).catch((error: unknown) => {
            throw session.failure?.error ?? error;
          });
          session.check();
          return value;
        }),
      ),
    );
  }

  async #inTurn<T>(fn: () => Promise<T>): Promise<T> {
    const run = this.#sharing.turns.run(this.#callerOf() ?? '', fn);
    this.#active.add(run);
    try {
      return await run;
    } finally {
      this.#active.delete(run);
    }
  }

  async #insertNew(table: AnyTable, rows: readonly AnyRow[]): Promise<readonly AnyRow[]> {
    const inserted = await this.#transaction('insertNew', (session) =>
      insertNewRows(this.#placeOf(session), table, rows),
    );
    await this.#checkpoints?.makeIfDue();
    return inserted;
  }

  #placeOf(session: Session): WritePlace {
    return { session: this.#writing(session), schema: this.#schema };
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
    this.#sharing.guard.check(operation);
    if (this.#closing) {
      throw new CodedError('failed-precondition', 'the database has been closed');
    }
  }
}

function sharingOf(instance: PgliteLike): Sharing {
  const known = sharings.get(instance);
  if (known) return known;
  const sharing = { guard: new NestingGuard(), turns: new FairTurns(), slices: new LoopSlices() };
  sharings.set(instance, sharing);
  return sharing;
}
