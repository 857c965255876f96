import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  eachDatabase,
  openTestPostgres,
  sharedPglite,
  testPostgresUrl,
  testSchema,
  withTestClient,
} from '../../../../test/support/databases/databases.ts';
import { loadMigrations, type Migration, parseMigration } from './migrations.ts';
import { migrate, pending } from './migrator.ts';
import { pgliteSession } from './pglite/session.ts';
import { PostgresMigrationTarget } from './postgres/migration-target.ts';
import { openPostgres } from './postgres/open.ts';

const first = parseMigration(
  'test',
  '0001_first.sql',
  'CREATE TABLE first (id bigint PRIMARY KEY);',
);
const second = parseMigration('test', '0002_second.sql', 'ALTER TABLE first ADD COLUMN name text;');
const broken = parseMigration(
  'test',
  '0003_broken.sql',
  'CREATE TABLE third (id bigint); SELECT nonsense;',
);

/** A schema of its own in the shared instance, and a look at its tables. */
async function openTarget() {
  const instance = await sharedPglite();
  const schema = testSchema();
  onTestFinished(async () => {
    await instance.exec(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
  });
  const target = new PostgresMigrationTarget(
    (fn) => instance.transaction((tx) => fn(pgliteSession(tx))),
    schema,
  );
  const columns = async (): Promise<string[]> => {
    const { rows } = await instance.query<{ name: string }>(
      `SELECT table_name || '.' || column_name AS name FROM information_schema.columns
       WHERE table_schema = $1 AND table_name NOT IN ('applied_migrations', 'schema_migrations') ORDER BY name`,
      [schema],
    );
    return rows.map(({ name }) => name);
  };
  return { target, columns, schema, instance };
}

test('a broken migration changes nothing, and those before it stay', async () => {
  const { target, columns } = await openTarget();
  await expect(migrate(target, [first, second, broken])).rejects.toThrow('nonsense');
  expect(await columns()).toEqual(['first.id', 'first.name']);
  expect((await target.applied()).map(({ name }) => name)).toEqual(['0001_first', '0002_second']);
});

test('continues from any version of a schema', async () => {
  const { target, columns } = await openTarget();
  expect(await migrate(target, [first])).toEqual(['0001_first']);
  expect(await migrate(target, [first, second])).toEqual(['0002_second']);
  expect(await columns()).toEqual(['first.id', 'first.name']);
});

describe('a schema of a version that numbered all migrations together', () => {
  /** Has applied what `migrations` say, and records it as the earlier version did. */
  async function openFormer(migrations: readonly Migration[]) {
    const { target, columns, schema, instance } = await openTarget();
    await migrate(target, migrations);
    await instance.exec(`
      SET search_path TO ${schema};
      CREATE TABLE schema_migrations (
        number bigint PRIMARY KEY, name text NOT NULL, checksum text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
      );
      DROP TABLE applied_migrations;
      INSERT INTO schema_migrations (number, name, checksum)
        VALUES ${migrations.map(({ name }, index) => `(${index + 7}, '${index + 1007}${name.slice(4)}', 'old')`).join(', ')};
      SET search_path TO DEFAULT;
    `);
    const recorded = async (): Promise<string[]> => {
      const { rows } = await instance.query<{ name: string }>(
        `SELECT name FROM ${schema}.schema_migrations ORDER BY number`,
      );
      return rows.map(({ name }) => name);
    };
    return { target, columns, recorded };
  }

  test('is adopted by the nouns of its migrations, and earlier versions refuse it', async () => {
    const { target, columns, recorded } = await openFormer([first]);
    expect(await target.applied()).toEqual([]);
    expect(await migrate(target, [first, second])).toEqual(['0002_second']);
    expect(await columns()).toEqual(['first.id', 'first.name']);
    expect(await recorded()).toEqual(['1007_first', '9999_moved_to_applied_migrations']);
    expect(await migrate(target, [first, second])).toEqual([]);
  });

  test('is adopted by each program alone, if two have migrated it', async () => {
    const other = parseMigration('other', '0001_other.sql', 'CREATE TABLE other (id bigint);');
    const { target } = await openFormer([first, other]);
    expect(await migrate(target, [first, second])).toEqual(['0002_second']);
    expect(await migrate(target, [other])).toEqual([]);
    expect((await target.applied()).map(({ setName, name }) => `${setName} ${name}`)).toEqual([
      'other 0001_other',
      'test 0001_first',
      'test 0002_second',
    ]);
  });
});

test('a migration that was added below the newest is applied as well', () => {
  expect(pending([{ ...second }], [first, second])).toEqual([first]);
});

test('line endings and outer blanks do not change a migration', () => {
  const text = 'SELECT 1;\nSELECT 2;';
  const windows = parseMigration('test', '0001_x.sql', 'SELECT 1;\r\nSELECT 2;\r\n');
  expect(windows.checksum).toBe(parseMigration('test', '0001_x.sql', text).checksum);
});

test('invalid file names, and two with the same number, are refused', async () => {
  expect(() => parseMigration('test', '1_x.sql', '')).toThrow('1_x.sql');
  const folder = await mkdtemp(join(tmpdir(), 'postlude-migrations-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, '0001_a.sql'), '');
  await writeFile(join(folder, '0001_b.sql'), '');
  const url = pathToFileURL(`${folder}/`);
  await expect(
    loadMigrations('postgres', [{ name: 'test', folders: { postgres: url, spanner: url } }]),
  ).rejects.toThrow('0001_a');
});

eachDatabase((open) => {
  test('this version migrates from each older schema, one step at a time', async () => {
    const migrations = await loadMigrations('postgres');
    const db = await open();
    await db.checkSchema();
    const { target } = await openTarget();
    for (let count = 1; count <= migrations.length; count++) {
      expect(await migrate(target, migrations.slice(0, count))).toHaveLength(1);
    }
  });
});

test('the queue alone makes its own tables alone', async () => {
  const { target, columns } = await openTarget();
  await migrate(target, await loadMigrations('postgres'));
  const tables = new Set((await columns()).map((column) => column.split('.')[0]));
  expect([...tables]).toEqual([
    'commit_marks',
    'dead_tasks',
    'tasks',
    'tq_dead_reminders',
    'tq_reminders',
    'tq_sweep_leases',
  ]);
});

describe.skipIf(testPostgresUrl() === '')('on a server', () => {
  test('a role that may create nothing can use and check an existing schema', async () => {
    const schema = testSchema();
    const owner = await openTestPostgres({ schema });
    const role = schema.replace('test_', 'role_');
    await withTestClient((client) =>
      client.query(`
        CREATE ROLE ${role} LOGIN PASSWORD 'secret';
        GRANT USAGE ON SCHEMA ${schema} TO ${role};
        GRANT SELECT ON ALL TABLES IN SCHEMA ${schema} TO ${role};
      `),
    );
    onTestFinished(async () => {
      await withTestClient((client) => client.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`));
    });
    const url = new URL(testPostgresUrl());
    url.username = role;
    url.password = 'secret';
    const db = await openPostgres({ url: url.href, schema });
    onTestFinished(() => db.close());
    await db.checkSchema();
    expect(await db.migrate()).toEqual([]);
    await owner.checkSchema();
  });
});
