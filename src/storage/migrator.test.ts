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
} from '../../test/support/databases/databases.ts';
import { loadMigrations, migrate, parseMigration, pending } from './migrator.ts';
import { pgliteSession } from './pglite/session.ts';
import { MIGRATIONS_FOLDER, PostgresMigrationTarget } from './postgres/migration-target.ts';
import { openPostgres } from './postgres/open.ts';

const first = parseMigration('0001_first.sql', 'CREATE TABLE first (id bigint PRIMARY KEY);');
const second = parseMigration('0002_second.sql', 'ALTER TABLE first ADD COLUMN name text;');
const broken = parseMigration(
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
       WHERE table_schema = $1 AND table_name <> 'schema_migrations' ORDER BY name`,
      [schema],
    );
    return rows.map(({ name }) => name);
  };
  return { target, columns };
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

test('a migration that was added below the newest is applied as well', () => {
  expect(pending([{ ...second }], [first, second])).toEqual([first]);
});

test('line endings and outer blanks do not change a migration', () => {
  const text = 'SELECT 1;\nSELECT 2;';
  const windows = parseMigration('0001_x.sql', 'SELECT 1;\r\nSELECT 2;\r\n');
  expect(windows.checksum).toBe(parseMigration('0001_x.sql', text).checksum);
});

test('invalid file names, and two with the same number, are refused', async () => {
  expect(() => parseMigration('1_x.sql', '')).toThrow('1_x.sql');
  const folder = await mkdtemp(join(tmpdir(), 'postlude-migrations-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, '0001_a.sql'), '');
  await writeFile(join(folder, '0001_b.sql'), '');
  await expect(loadMigrations(pathToFileURL(`${folder}/`))).rejects.toThrow('0001_a');
});

eachDatabase((open) => {
  test('this version migrates from each older schema, one step at a time', async () => {
    const migrations = await loadMigrations(MIGRATIONS_FOLDER);
    const db = await open();
    await db.checkSchema();
    const { target } = await openTarget();
    for (let count = 1; count <= migrations.length; count++) {
      expect(await migrate(target, migrations.slice(0, count))).toHaveLength(1);
    }
  });
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
