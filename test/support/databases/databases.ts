/**
 * Databases for tests: PGlite, and PostgreSQL and Spanner if the run has a server for them.
 * DATABASES=pglite,postgres,spanner selects some. Each call of `open` returns a migrated database in a schema
 * of its own, which is dropped when the test ends, so tests never see each other's rows.
 *
 *     eachDatabase((open) => {
 *       test('keeps what is written', async () => {
 *         const db = await open();
 *       });
 *     });
 */
import { PGlite } from '@electric-sql/pglite';
import { randomHex } from '@postlude/queue/foundations';
import { fromPglite } from '@postlude/queue/pglite';
import { openPostgres, type PostgresOptions } from '@postlude/queue/postgres';
import { openSpanner, type SpannerOptions } from '@postlude/queue/spanner';
import {
  type Capabilities,
  type Database,
  loadMigrations,
  type Migration,
} from '@postlude/queue/storage';
import pg from 'pg';
import { describe, inject, onTestFinished } from 'vitest';
import {
  appliedMigrations,
  CREATE_APPLIED_MIGRATIONS,
  statementsOf,
} from '../../../packages/queue/src/storage/spanner/migration-target.ts';
import { POSTLUDE_MIGRATIONS } from '../../../src/migrations/migrations.ts';
import { openSpannerAdmin, type SpannerAdmin, testDatabaseUrl } from '../spanner/spanner-admin.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The URL of the PostgreSQL server for tests; empty if there is none. */
    postgresUrl: string;
    /** `host:port` of the Spanner emulator for tests; empty if there is none. */
    spannerEmulatorHost: string;
  }
}

/** Tests have the tables of both packages. */
const MIGRATIONS = [POSTLUDE_MIGRATIONS];

export interface OpenOptions {
  /** If `false`, the test calls `migrate` itself. */
  readonly migrated?: boolean;
  /** A schema to share with another database of the test. */
  readonly schema?: string;
}

export type OpenDatabase = (options?: OpenOptions) => Promise<Database>;

/** What a suite knows about a database before it is open. */
export interface DatabaseTraits extends Pick<Capabilities, 'skipsLockedRows'> {
  /** Whether each query reads whole tables, as in Spanner's emulator, where large tables take minutes. */
  readonly scans: boolean;
  /** Where `forEachCrash` crashes: at effects only where each query reads whole tables, as a run takes seconds there. */
  readonly crashAt: 'steps' | 'effects';
}

type DatabaseSuite = (open: OpenDatabase, name: string, traits: DatabaseTraits) => void;

/** Describes `suite` once for each database. */
export function eachDatabase(suite: DatabaseSuite): void {
  const wanted = process.env.DATABASES?.split(',') ?? ['pglite', 'postgres', 'spanner'];
  const on = (name: string, open: OpenDatabase, traits: DatabaseTraits): void => {
    describe.runIf(wanted.includes(name))(name, () => suite(open, name, traits));
  };
  const postgres = { skipsLockedRows: true, scans: false, crashAt: 'steps' } as const;
  on('pglite', openTestPglite, postgres);
  if (testPostgresUrl() !== '') on('postgres', openTestPostgres, postgres);
  if (testSpannerHost() === '') return;
  const spanner = { skipsLockedRows: false, scans: true, crashAt: 'effects' } as const;
  on('spanner', openTestSpanner, spanner);
}

/** Opens a PGlite database in a fresh schema, which is dropped when the test ends. */
export async function openTestPglite(options: OpenOptions = {}): Promise<Database> {
  const instance = await sharedPglite();
  const schema = options.schema ?? testSchema();
  const database = fromPglite(instance, { schema, migrations: MIGRATIONS });
  onTestFinished(async () => {
    await database.close();
    await instance.exec(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
  });
  if (options.migrated !== false) await database.migrate();
  return database;
}

/** Opens a database on the run's PostgreSQL server in a fresh schema, which is dropped when the test ends. */
export async function openTestPostgres(
  options: OpenOptions & PostgresOptions = {},
): Promise<Database> {
  const schema = options.schema ?? testSchema();
  const database = await openPostgres({
    url: testPostgresUrl(),
    migrations: MIGRATIONS,
    ...options,
    schema,
  });
  onTestFinished(async () => {
    await database.close();
    await withTestClient((client) => client.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`));
  });
  if (options.migrated !== false) await database.migrate();
  return database;
}

/** Opens a fresh database on the run's Spanner emulator, which is dropped when the test ends. */
export async function openTestSpanner(
  options: OpenOptions & Partial<SpannerOptions> = {},
): Promise<Database> {
  const name = options.schema ?? testSchema();
  const emulatorHost = testSpannerHost();
  const admin = await sharedSpannerAdmin();
  const migrations = options.migrated === false ? [] : await loadMigrations('spanner', MIGRATIONS);
  const isNew = await admin.createDatabase(name, schemaOf(migrations));
  const database = await openSpanner({
    database: testDatabaseUrl(name),
    emulatorHost,
    migrations: MIGRATIONS,
    // The emulator runs one transaction at a time; concurrent ones abort each other, and the tests are meant
    // to see that.
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

/** Applies all migrations at once, as one by one they take the emulator longer than most tests. */
function schemaOf(migrations: readonly Migration[]): string[] {
  if (migrations.length === 0) return [];
  return [CREATE_APPLIED_MIGRATIONS, ...migrations.flatMap(({ text }) => statementsOf(text))];
}

async function recordMigrations(db: Database, migrations: readonly Migration[]): Promise<void> {
  await db.write((tx) =>
    tx.insert(
      appliedMigrations,
      migrations.map(({ text: _, ...migration }) => ({ ...migration, appliedAt: 0 })),
    ),
  );
}

/** Returns `host:port` of the Spanner emulator for tests; empty if there is none. */
export function testSpannerHost(): string {
  return inject('spannerEmulatorHost');
}

let spannerAdmin: Promise<SpannerAdmin> | undefined;

/** Each worker process has one for all its tests. */
export function sharedSpannerAdmin(): Promise<SpannerAdmin> {
  spannerAdmin ??= openSpannerAdmin(testSpannerHost());
  return spannerAdmin;
}

/** Returns the URL of the PostgreSQL server for tests; empty if there is none. */
export function testPostgresUrl(): string {
  return inject('postgresUrl');
}

export function testSchema(): string {
  return `test_${randomHex(8)}`;
}

/** Opens a plain connection to the run's server, to inspect it from outside. */
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

/** Each worker process has one instance, as one takes seconds to start and half a gigabyte of memory. */
export function sharedPglite(): Promise<PGlite> {
  pglite ??= PGlite.create();
  return pglite;
}
