/**
 * A Spanner database as a target of migrations. Schema changes are not transactions, and no lock could be
 * held during one. So each change is a long-running operation that has the migration's name: of many
 * processes, one starts it and the others wait for it. Each statement can be run twice (IF NOT EXISTS), in
 * case a process dies before it records the migration.
 */
import type { Clock } from '../../foundations/clock.ts';
import { CodedError, hasCode } from '../../foundations/errors.ts';
import type { Log } from '../../foundations/log.ts';
import { int, text, timestamp } from '../column.ts';
import type { Database, LimitOptions, Reader } from '../database.ts';
import type { Migration } from '../migrations.ts';
import { type AppliedMigration, type MigrationTarget, MOVED, withNounsOf } from '../migrator.ts';
import { sql } from '../sql.ts';
import { table } from '../table.ts';
import { toStorageError } from './errors.ts';

export const CREATE_APPLIED_MIGRATIONS = `CREATE TABLE IF NOT EXISTS applied_migrations (
  set_name STRING(MAX) NOT NULL,
  number INT64 NOT NULL,
  name STRING(MAX) NOT NULL,
  checksum STRING(MAX) NOT NULL,
  applied_at TIMESTAMP
) PRIMARY KEY (set_name, number)`;

export const appliedMigrations = table(
  'applied_migrations',
  { setName: text, number: int, name: text, checksum: text, appliedAt: timestamp },
  ['setName', 'number'],
);

/** Earlier versions recorded their migrations here. */
const schemaMigrations = table(
  'schema_migrations',
  { number: int, name: text, checksum: text, appliedAt: timestamp },
  ['number'],
);

const BUSY_PAUSE_MS = 200;
const MAX_BUSY_ATTEMPTS = 300;
/** The growing pauses between polls of a change, as an index of a large table takes hours. */
const LOOK_PAUSE_MS = { first: 100, most: 5_000, growth: 1.5 };
const PROGRESS_EVERY_MS = 10_000;

/** The part of the library's DatabaseAdminClient that is used here. */
export interface SchemaAdmin {
  updateDatabaseDdl(request: {
    database: string;
    statements: string[];
    operationId: string;
  }): Promise<readonly [SchemaOperation, ...unknown[]]>;
  checkUpdateDatabaseDdlProgress(path: string): Promise<SchemaOperation>;
}

/** The state of a schema change when it was last polled. */
export interface SchemaOperation {
  readonly done?: boolean | null;
  readonly error?: unknown;
  readonly metadata?: unknown;
}

export interface MigrationTargetConfig {
  readonly admin: SchemaAdmin;
  readonly databasePath: string;
  readonly database: Pick<Database, 'read' | 'write' | 'serverTime'>;
  readonly clock: Clock;
  readonly log: Log;
}

export class SpannerMigrationTarget implements MigrationTarget {
  readonly #config: MigrationTargetConfig;
  /** Whether the table applied_migrations exists. It is never dropped. */
  #hasTable = false;

  constructor(config: MigrationTargetConfig) {
    this.#config = config;
  }

  async applied(options?: LimitOptions): Promise<readonly AppliedMigration[]> {
    const { database } = this.#config;
    return await database.read(async (tx) => {
      this.#hasTable ||= await hasTable(tx, 'applied_migrations');
      if (!this.#hasTable) return [];
      return await tx.query(
        sql`SELECT set_name, number, name, checksum FROM ${appliedMigrations} ORDER BY set_name, number`,
        { setName: text, number: int, name: text, checksum: text },
      );
    }, options);
  }

  async adopt(migrations: readonly Migration[]): Promise<void> {
    const { database } = this.#config;
    const former = await database.read(async (tx) => {
      if (!(await hasTable(tx, 'schema_migrations'))) return [];
      return await tx.query(sql`SELECT name FROM ${schemaMigrations}`, { name: text });
    });
    if (former.length === 0) return;
    await this.#requireTable();
    const appliedAt = await database.serverTime();
    const names = former.map(({ name }) => name);
    const adopted = withNounsOf(names, migrations).map(({ text: _, ...row }) => ({
      ...row,
      appliedAt,
    }));
    await database.write(async (tx) => {
      await tx.insertNew(appliedMigrations, adopted);
      await tx.insertNew(schemaMigrations, [{ ...MOVED, appliedAt }]);
    });
  }

  async applyNext(
    next: (applied: readonly AppliedMigration[]) => Migration | undefined,
  ): Promise<Migration | undefined> {
    await this.#requireTable();
    for (;;) {
      const migration = next(await this.applied());
      if (!migration) return undefined;
      if (await this.#apply(migration)) return migration;
    }
  }

  async #requireTable(): Promise<void> {
    if (!this.#hasTable) await this.#change('applied_migrations', [CREATE_APPLIED_MIGRATIONS]);
    this.#hasTable = true;
  }

  /** Returns whether this process applied the migration: the one that recorded it did. */
  async #apply(migration: Migration): Promise<boolean> {
    const { name, checksum, text } = migration;
    const { clock, log } = this.#config;
    const startedAt = clock.monotonicMs();
    log.info('applying a migration', { migration: name });
    await this.#change(`m${name}_${checksum.slice(0, 8)}`, statementsOf(text));
    const isOurs = await this.#record(migration);
    const by = isOurs ? 'this process' : 'another process';
    log.info('applied a migration', { migration: name, by, ms: clock.monotonicMs() - startedAt });
    return isOurs;
  }

  async #record({ text: _, ...migration }: Migration): Promise<boolean> {
    const { database } = this.#config;
    const appliedAt = await database.serverTime();
    const added = await database.write((tx) =>
      tx.insertNew(appliedMigrations, [{ ...migration, appliedAt }]),
    );
    return added.length > 0;
  }

  /** Runs the statements once, even if other processes do the same; again if they failed before. */
  async #change(name: string, statements: readonly string[]): Promise<void> {
    const { clock, log } = this.#config;
    for (let attempt = 1; ; attempt++) {
      const operationId = attempt === 1 ? name : `${name}_${attempt}`;
      try {
        // A failed operation keeps its name, so the next attempt has another one.
        if ((await this.#runOperation(operationId, statements)) === 'done') return;
      } catch (error) {
        if (!isBusy(error) || attempt >= MAX_BUSY_ATTEMPTS) throw error;
        log.debug('the schema is being changed by another process', { operationId });
        await clock.sleep(BUSY_PAUSE_MS);
      }
    }
  }

  async #runOperation(
    operationId: string,
    statements: readonly string[],
  ): Promise<'done' | 'failed-before'> {
    const begun = await this.#begin(operationId, statements);
    const isOurs = begun !== 'exists';
    const operation = await this.#awaitEnd(
      operationId,
      isOurs ? begun : await this.#look(operationId),
    );
    if (!operation.error) return 'done';
    if (isOurs) throw toStorageError(operation.error);
    return 'failed-before';
  }

  /** `exists` means that another process has started it, or this one before a restart. */
  async #begin(
    operationId: string,
    statements: readonly string[],
  ): Promise<SchemaOperation | 'exists'> {
    const { admin, databasePath: database } = this.#config;
    try {
      const request = { database, statements: [...statements], operationId };
      const [operation] = await admin.updateDatabaseDdl(request);
      return operation;
    } catch (thrown) {
      const error = toStorageError(thrown);
      if (hasCode(error, 'already-exists')) return 'exists';
      throw error;
    }
  }

  async #awaitEnd(operationId: string, begun: SchemaOperation): Promise<SchemaOperation> {
    const { clock, log } = this.#config;
    let operation = begun;
    let toldAt = clock.monotonicMs();
    for (let pauseMs = LOOK_PAUSE_MS.first; !operation.done; ) {
      await clock.sleep(pauseMs);
      pauseMs = Math.min(pauseMs * LOOK_PAUSE_MS.growth, LOOK_PAUSE_MS.most);
      operation = await this.#look(operationId);
      if (operation.done || clock.monotonicMs() - toldAt < PROGRESS_EVERY_MS) continue;
      toldAt = clock.monotonicMs();
      log.info('still changing the schema', { operationId, percent: percentOf(operation) });
    }
    return operation;
  }

  async #look(operationId: string): Promise<SchemaOperation> {
    const { admin, databasePath } = this.#config;
    try {
      return await admin.checkUpdateDatabaseDdlProgress(
        `${databasePath}/operations/${operationId}`,
      );
    } catch (error) {
      throw toStorageError(error);
    }
  }
}

async function hasTable(reader: Reader, name: string): Promise<boolean> {
  const [found] = await reader.query(
    sql`SELECT table_name FROM information_schema.tables
        WHERE table_schema = ${''} AND table_name = ${name}`,
    { tableName: text },
  );
  return found !== undefined;
}

/** Returns the progress of all its statements; `undefined` if Spanner does not tell it. */
function percentOf({ metadata }: SchemaOperation): number | undefined {
  const { progress } = (metadata ?? {}) as {
    readonly progress?: readonly { readonly progressPercent?: number | null }[] | null;
  };
  if (!progress || progress.length === 0) return undefined;
  const sum = progress.reduce((total, { progressPercent }) => total + (progressPercent ?? 0), 0);
  return Math.round(sum / progress.length);
}

/** Spanner itself queues changes; the emulator refuses a change while another one runs. */
function isBusy(error: unknown): boolean {
  return (
    hasCode(error, 'conflict', 'failed-precondition', 'unavailable') &&
    error instanceof CodedError &&
    /concurrent schema change|already in progress|aborted/i.test(error.message)
  );
}

/** Returns the statements of a file without comments. None of ours contains a semicolon. */
export function statementsOf(text: string): string[] {
  return text
    .replace(/--.*/g, '')
    .split(';')
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}
