import { expect, test } from 'vitest';
import {
  openTestSpanner,
  sharedSpannerAdmin,
  testSchema,
  testSpannerHost,
} from '../../../test/support/databases/databases.ts';
import { RecordingLog } from '../../../test/support/recording-log.ts';
import { accounts } from '../../../test/support/suites/suite-tables.ts';
import { createSpannerSuiteTables } from '../../../test/support/suites/suite-tables-spanner.ts';
import { loadMigrations } from '../migrator.ts';
import { MIGRATIONS_FOLDER as POSTGRES_FOLDER } from '../postgres/migration-target.ts';
import { MIGRATIONS_FOLDER, statementsOf } from './migration-target.ts';

test('every statement may be run twice', async () => {
  const statements = (await loadMigrations(MIGRATIONS_FOLDER)).flatMap(({ text }) =>
    statementsOf(text),
  );
  expect(statements.length).toBeGreaterThan(10);
  for (const statement of statements) expect(statement).toMatch(/IF (NOT )?EXISTS/);
});

/** Of marks and sequences, which Spanner does not need. */
const FOR_POSTGRES = ['0006_commit_marks', '0007_task_fences'];

test("the migrations have the numbers and names of PostgreSQL's, except for its own", async () => {
  const names = async (folder: URL) => (await loadMigrations(folder)).map(({ name }) => name);
  const spanner = await names(MIGRATIONS_FOLDER);
  expect([...spanner, ...FOR_POSTGRES].sort()).toEqual(await names(POSTGRES_FOLDER));
});

test('comments and blank statements are left out', () => {
  expect(statementsOf('-- a; b\nCREATE x; -- c\n\nCREATE y\n;\n')).toEqual([
    'CREATE x',
    'CREATE y',
  ]);
});

test.skipIf(testSpannerHost() === '')(
  'one that failed before, half done, is tried again',
  async () => {
    const schema = testSchema();
    const database = await openTestSpanner({ schema, migrated: false });
    await createSpannerSuiteTables(database, schema);
    await database.write((tx) =>
      tx.insert(
        accounts,
        [1, 2].map((number) => ({ owner: 'twin', number, balance: 0 })),
      ),
    );
    const [first] = await loadMigrations(MIGRATIONS_FOLDER);
    const admin = await sharedSpannerAdmin();
    const failing = admin.runDdl(
      schema,
      ['CREATE TABLE half (id INT64) PRIMARY KEY (id)', UNIQUE_AMONG_TWINS],
      `m${first?.name}_${first?.checksum.slice(0, 8)}`,
    );
    await expect(failing).rejects.toThrow();
    expect(await database.migrate()).toContain(first?.name);
    await database.checkSchema();
  },
);

test.skipIf(testSpannerHost() === '')(
  'the log says when each migration begins and ends, in one of many processes',
  async () => {
    const schema = testSchema();
    const logs = [new RecordingLog(), new RecordingLog()];
    const databases = await Promise.all(
      logs.map((log) => openTestSpanner({ schema, migrated: false, log })),
    );
    const applied = (await Promise.all(databases.map((db) => db.migrate()))).flat();
    const ended = logs
      .flatMap(({ lines }) => lines)
      .filter(({ message, fields }) => /^applied/.test(message) && fields.by === 'this process');
    expect(ended.map(({ fields }) => fields.migration).toSorted()).toEqual(applied.toSorted());
    for (const { lines } of logs) {
      const steps = lines
        .filter(({ message }) => / a migration$/.test(message))
        .map(({ message, fields }) => `${message}: ${fields.migration}`);
      const names = [...new Set(steps.map((step) => step.split(': ')[1]))];
      expect(names).toEqual(names.toSorted());
      expect(steps).toEqual(
        names.flatMap((name) => [`applying a migration: ${name}`, `applied a migration: ${name}`]),
      );
    }
  },
);

const UNIQUE_AMONG_TWINS = 'CREATE UNIQUE INDEX among_twins ON suite_accounts (owner)';
