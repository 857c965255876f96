/**
 * Databases for tests: PGlite, and PostgreSQL and Spanner where the run has a server.
 * DATABASES=pglite,postgres,spanner selects. Each call of `open` answers a migrated database in a schema of its own, which goes when
 * the test ends; so tests never see each other's rows.
 *
 *     eachDatabase((open) => {
 *       test('keeps what is written', async () => {
 *         const db = await open();
 *       });
 *     });
 */
import { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import { describe, inject, onTestFinished } from 'vitest';
import { randomHex } from '../../../src/random.ts';
import type { Database } from '../../../src/storage/database.ts';
import type { Capabilities } from '../../../src/storage/dialect.ts';
import { loadMigrations, type Migration } from '../../../src/storage/migrator.ts';
import { fromPglite } from '../../../src/storage/pglite/database.ts';
import { openPostgres, type PostgresOptions } from '../../../src/storage/postgres/open.ts';
import {
  CREATE_SCHEMA_MIGRATIONS,
  MIGRATIONS_FOLDER,
  schemaMigrations,
  statementsOf,
} from '../../../src/storage/spanner/migration-target.ts';
import { openSpanner, type SpannerOptions } from '../../../src/storage/spanner/open.ts';
import { openSpannerAdmin, type SpannerAdmin, testDatabaseUrl } from '../spanner/spanner-admin.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Of the PostgreSQL server for tests; empty where there is none. */
    postgresUrl: string;
    /** `host:port` of the Spanner emulator for tests; empty where there is none. */
    spannerEmulatorHost: string;
  }
}

export interface OpenOptions {
  /** `false`: the test calls `migrate` itself. */
  readonly migrated?: boolean;
  /** A schema to share with another database of the test. */
  readonly schema?: string;
}

export type OpenDatabase = (options?: OpenOptions) => Promise<Database>;

/** What a suite knows of a database before it is open. */
export interface DatabaseTraits extends Pick<Capabilities, 'skipsLockedRows'> {
  /** Answers each query by reading whole tables, as Spanner's emulator does: large ones take minutes. */
  readonly scans: boolean;
}

type DatabaseSuite = (open: OpenDatabase, name: string, traits: DatabaseTraits) => void;

/** Describes `suite` once on each database. */
export function eachDatabase(suite: DatabaseSuite): void {
  const wanted = process.env.DATABASES?.split(',') ?? ['pglite', 'postgres', 'spanner'];
  const on = (name: string, open: OpenDatabase, traits: DatabaseTraits): void => {
    describe.runIf(wanted.includes(name))(name, () => suite(open, name, traits));
  };
  const postgres = { skipsLockedRows: true, scans: false } as const;
  on('pglite', openTestPglite, postgres);
  if (testPostgresUrl() !== '') on('postgres', openTestPostgres, postgres);
  if (testSpannerHost() === '') return;
  on('spanner', openTestSpanner, { skipsLockedRows: false, scans: true });
}

/** A PGlite database in a fresh schema, which goes when the test ends. */
export async function openTestPglite(options: OpenOptions = {}): Promise<Database> {
  const instance = await sharedPglite();
  const schema = options.schema ?? testSchema();
  const database = fromPglite(instance, { schema });
  onTestFinished(async () => {
    await database.close();
    await instance.exec(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
  });
  if (options.migrated !== false) await database.migrate();
  return database;
}

/** A database on the run's PostgreSQL server in a fresh schema, which goes when the test ends. */
export async function openTestPostgres(
  options: OpenOptions & PostgresOptions = {},
): Promise<Database> {
  const schema = options.schema ?? testSchema();
  const database = await openPostgres({ url: testPostgresUrl(), ...options, schema });
  onTestFinished(async () => {
    await database.close();
    await withTestClient((client) => client.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`));
  });
  if (options.migrated !== false) await database.migrate();
  return database;
}

/** A database of its own on the run's Spanner emulator, which goes when the test ends. */
export async function openTestSpanner(
  options: OpenOptions & Partial<SpannerOptions> = {},
): Promise<Database> {
  const name = options.schema ?? testSchema();
  const emulatorHost = testSpannerHost();
  const admin = await sharedSpannerAdmin();
  const migrations = options.migrated === false ? [] : await loadMigrations(MIGRATIONS_FOLDER);
  const isNew = await admin.createDatabase(name, schemaOf(migrations));
  const database = await openSpanner({
    database: testDatabaseUrl(name),
    emulatorHost,
    // The emulator runs one transaction after the other: more at once only abort each other, which
    // is what tests are to see.
    maxConnections: 4,
    serialWrites: false,
    ...options,
  });
  onTestFinished(async () => {
    await database.close();
    await admin.dropDatabase(name);
  });
  if (isNew) await recordMigrations(database, migrations);
  else if (options.migrated !== false) await database.migrate();
  return database;
}

/** All at once: to migrate step by step takes the emulator longer than most tests. */
function schemaOf(migrations: readonly Migration[]): string[] {
  if (migrations.length === 0) return [];
  return [CREATE_SCHEMA_MIGRATIONS, ...migrations.flatMap(({ text }) => statementsOf(text))];
}

async function recordMigrations(db: Database, migrations: readonly Migration[]): Promise<void> {
  await db.write((tx) =>
    tx.insert(
      schemaMigrations,
      migrations.map(({ text: _, ...migration }) => ({ ...migration, appliedAt: 0 })),
    ),
  );
}

/** Of the Spanner emulator for tests; empty where there is none. */
export function testSpannerHost(): string {
  return inject('spannerEmulatorHost');
}

let spannerAdmin: Promise<SpannerAdmin> | undefined;

/** One a worker process, for all its tests. */
export function sharedSpannerAdmin(): Promise<SpannerAdmin> {
  spannerAdmin ??= openSpannerAdmin(testSpannerHost());
  return spannerAdmin;
}

/** Of the PostgreSQL server for tests; empty where there is none. */
export function testPostgresUrl(): string {
  return inject('postgresUrl');
}

export function testSchema(): string {
  return `test_${randomHex(8)}`;
}

/** A plain connection to the run's server: to look at it from outside. */
export async function withTestClient<T>(fn: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: testPostgresUrl() });
  await client.connect();
  try {
    return await fn(client);
  } finally {
    await client.end();
  }
}

let pglite: Promise<PGlite> | undefined;

/** One instance a worker process: it takes seconds to start and half a gigabyte to keep. */
export function sharedPglite(): Promise<PGlite> {
  pglite ??= PGlite.create();
  return pglite;
}
