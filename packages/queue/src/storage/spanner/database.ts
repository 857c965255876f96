/**
 * Cloud Spanner. Reads are strong snapshots without locks. Writes are read-write transactions whose rows are
 * sent as mutations with the commit. Processes do not notify each other.
 */
import { type Clock, type EpochMs, systemClock } from '../../foundations/clock.ts';
import { Mutex } from '../../foundations/concurrency.ts';
import { CodedError } from '../../foundations/errors.ts';
import { type Log, silentLog } from '../../foundations/log.ts';
import { type Random, systemRandom } from '../../foundations/random.ts';
import { abortable } from '../backend/abortable-reader.ts';
import { runAfterCommit } from '../backend/after-commit.ts';
import { GatheredInserts } from '../backend/gathered-inserts.ts';
import { NestingGuard } from '../backend/nesting.ts';
import { timestamp } from '../column.ts';
import {
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
import { loadMigrations, type MigrationSet } from '../migrations.ts';
import { checkSchema, migrate } from '../migrator.ts';
import { sql } from '../sql.ts';
import type { AnyTable, NewRow } from '../table.ts';
import { SpannerClient, type TransactionOptions } from './calls/client.ts';
import type { SpannerLibrary } from './calls/library.ts';
import { ServerTime } from './calls/server-time.ts';
import { Sessions } from './calls/sessions.ts';
import type { DatabaseName } from './database-name.ts';
import { spannerDialect } from './dialect.ts';
import { isSessionLost } from './errors.ts';
import { SpannerMigrationTarget } from './migration-target.ts';
import { processNotifications } from './notifications.ts';
import { SpannerReader } from './reads/reader.ts';
import { write } from './transactions/write.ts';

export interface SpannerDatabaseConfig {
  readonly library: SpannerLibrary;
  readonly name: DatabaseName;
  readonly maxConnections: number;
  /** Whether only one read-write transaction runs at a time. */
  readonly serialWrites?: boolean;
  readonly migrations?: readonly MigrationSet[];
  readonly clock?: Clock;
  readonly random?: Random;
  readonly log?: Log;
}

const SNAPSHOT: TransactionOptions = { readOnly: { strong: true } };
/** The limit of retries for sessions that were deleted while they were idle. */
const MAX_LOST_SESSIONS = 3;
const MAX_RETRY_MS = 30_000;

interface ReadPlace {
  readonly client: SpannerClient;
  readonly session: string;
  readonly lose: () => void;
}

export class SpannerDatabase implements Database {
  readonly dialect = spannerDialect;
  readonly capabilities: Capabilities;
  readonly notifications;
  readonly #library: SpannerLibrary;
  readonly #client: SpannerClient;
  readonly #sessions: Sessions;
  readonly #clock: Clock;
  /** Follows the machine's clock, as Spanner's time is real even if a test moves its own clock. */
  readonly #serverTime = new ServerTime(systemClock);
  readonly #random: Random;
  readonly #log: Log;
  readonly #guard = new NestingGuard();
  readonly #writing: Mutex | undefined;
  readonly #target: SpannerMigrationTarget;
  readonly #migrations: readonly MigrationSet[];
  readonly #inserts = new GatheredInserts({
    alone: (table, rows) => this.write((tx) => tx.insertNew(table, rows)),
  });
  #closing: Promise<void> | undefined;

  constructor(config: SpannerDatabaseConfig) {
    const { clock = systemClock, random = systemRandom, log = silentLog, name } = config;
    const { maxConnections: maxSessions } = config;
    this.#library = config.library;
    this.#client = new SpannerClient(config.library, name.path);
    this.#sessions = new Sessions({ client: this.#client, clock, random, maxSessions });
    this.#clock = clock;
    this.#random = random;
    this.#log = log;
    this.#writing = config.serialWrites ? new Mutex() : undefined;
    this.capabilities = { connections: maxSessions, skipsLockedRows: false, notifies: false };
    this.notifications = processNotifications(name.path, { log, guard: this.#guard });
    this.#migrations = config.migrations ?? [];
    this.#target = new SpannerMigrationTarget({
      admin: config.library.admin,
      databasePath: name.path,
      database: this,
      clock,
      log,
    });
  }

  async read<T>(fn: (tx: Reader) => Promise<T>, options?: ReadOptions): Promise<T> {
    this.#guard.check('read');
    return await this.#read(fn, options);
  }

  async write<T>(fn: (tx: Transaction) => Promise<T>, options: WriteOptions = {}): Promise<T> {
    this.#guard.check('write');
    const config = {
      client: this.#limitedBy({ limitMs: options.limitMs }),
      maxRetryMs: Math.min(MAX_RETRY_MS, options.limitMs ?? MAX_RETRY_MS),
      sessions: this.#sessions,
      clock: this.#clock,
      random: this.#random,
      serverTime: this.#serverTime,
    };
    const commit = () => write(config, (tx) => this.#guard.enter(() => fn(tx)), options);
    const { value, transaction } = await (this.#writing ? this.#writing.run(commit) : commit());
    await runAfterCommit(transaction.afterCommitCalls(), this.#log);
    return value;
  }

  async insertNew<T extends AnyTable>(
    table: T,
    rows: readonly NewRow<T>[],
    options?: InsertOptions,
  ): Promise<NewRow<T>[]> {
    this.#guard.check('insertNew');
    return await this.#inserts.insert(table, rows, options);
  }

  async statement(): Promise<never> {
    this.#guard.check('statement');
    throw new CodedError('failed-precondition', 'Spanner has no statements that skip locked rows');
  }

  async serverTime(): Promise<EpochMs> {
    this.#guard.check('serverTime');
    const query = sql`SELECT CURRENT_TIMESTAMP() AS now`;
    const [row] = await this.#read((tx) => tx.query(query, { now: timestamp }), LOOK);
    if (!row) throw new Error('the database returned no time');
    return row.now;
  }

  async migrate(): Promise<string[]> {
    this.#guard.check('migrate');
    return await migrate(this.#target, await loadMigrations('spanner', this.#migrations));
  }

  async checkSchema(options?: LimitOptions): Promise<void> {
    this.#guard.check('checkSchema');
    const target = { applied: () => this.#target.applied(options) };
    await checkSchema(target, await loadMigrations('spanner', this.#migrations));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#sessions.close();
    await this.#library.close();
  }

  #limitedBy({ limitMs, signal }: ReadOptions = {}): SpannerClient {
    return limitMs === undefined && signal === undefined
      ? this.#client
      : this.#client.within({ limitMs, signal });
  }

  async #read<T>(read: (tx: Reader) => Promise<T>, options: ReadOptions = {}): Promise<T> {
    const { signal } = options;
    signal?.throwIfAborted();
    const client = this.#limitedBy(options);
    const fn = (reader: Reader) => read(abortable(reader, signal));
    for (let attempt = 1; ; attempt++) {
      const result = await this.#sessions.use((session, lose) =>
        this.#readOnce({ client, session, lose }, fn),
      );
      if ('value' in result) return result.value;
      if (attempt > MAX_LOST_SESSIONS) throw result.lost;
    }
  }

  /** The result is `lost` if the session was lost before anything had been read. */
  async #readOnce<T>(
    { client, session, lose }: ReadPlace,
    fn: (tx: Reader) => Promise<T>,
  ): Promise<{ readonly value: T } | { readonly lost: unknown }> {
    const reader = new SpannerReader({
      client,
      session,
      options: SNAPSHOT,
      resume: { clock: this.#clock, random: this.#random },
    });
    try {
      const value = await this.#guard.enter(() => fn(reader));
      if (reader.failure) throw reader.failure.error;
      return { value };
    } catch (thrown) {
      const error = reader.failure?.error ?? thrown;
      if (!reader.failure || !isSessionLost(error)) throw error;
      lose();
      if (reader.transactionId) throw error;
      return { lost: error };
    }
  }
}
