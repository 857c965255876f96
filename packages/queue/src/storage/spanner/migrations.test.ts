import { expect, test } from 'vitest';
import { POSTLUDE_MIGRATIONS } from '../../../../../src/migrations/migrations.ts';
import {
  openTestSpanner,
  sharedSpannerAdmin,
  testSchema,
  testSpannerHost,
} from '../../../../../test/support/databases/databases.ts';
import { RecordingLog } from '../../../../../test/support/recording-log.ts';
import { accounts } from '../../../../../test/support/suites/suite-tables.ts';
import { createSpannerSuiteTables } from '../../../../../test/support/suites/suite-tables-spanner.ts';
import { int, text } from '../column.ts';
import { type DatabaseKind, loadMigrations } from '../migrations.ts';
import { sql } from '../sql.ts';
import { table } from '../table.ts';
import { CREATE_APPLIED_MIGRATIONS, statementsOf } from './migration-target.ts';

const SETS = [POSTLUDE_MIGRATIONS];

test('every statement may be run twice', async () => {
  const statements = (await loadMigrations('spanner', SETS)).flatMap(({ text }) =>
    statementsOf(text),
  );
  expect(statements.length).toBeGreaterThan(10);
  for (const statement of statements) expect(statement).toMatch(/IF (NOT )?EXISTS/);
});

/** Marks, sequences and constraints, which only PostgreSQL has. */
const FOR_POSTGRES = ['0003_commit_marks', '0004_task_fences', '0006_checks', '0008_checks'];

test("the migrations have the numbers and names of PostgreSQL's, except for its own", async () => {
  const names = async (kind: DatabaseKind) =>
    (await loadMigrations(kind, SETS)).map(({ name }) => name).sort();
  const spanner = await names('spanner');
  expect([...spanner, ...FOR_POSTGRES].sort()).toEqual(await names('postgres'));
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
    const [first] = await loadMigrations('spanner');
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
  'a database of a version that numbered all migrations together is adopted',
  async () => {
    const schema = testSchema();
    const database = await openTestSpanner({ schema, migrated: false });
    const migrations = await loadMigrations('spanner', SETS);
    const [newest] = migrations.splice(-1);
    const admin = await sharedSpannerAdmin();
    await admin.runDdl(schema, [
      CREATE_APPLIED_MIGRATIONS.replace('applied_migrations', 'schema_migrations')
        .replace('set_name STRING(MAX) NOT NULL,', '')
        .replace('set_name, ', ''),
      ...migrations.flatMap(({ text }) => statementsOf(text)),
    ]);
    await database.write((tx) =>
      tx.insert(
        formerTable,
        migrations.map(({ name }, index) => ({
          number: index + 1,
          name: `9${name.slice(1)}`,
          checksum: 'old',
        })),
      ),
    );
    expect(await database.migrate()).toEqual([newest?.name]);
    await database.checkSchema();
    const former = await database.read((tx) =>
      tx.query(sql`SELECT name FROM ${formerTable} ORDER BY number DESC LIMIT 1`, { name: text }),
    );
    expect(former).toEqual([{ name: '9999_moved_to_applied_migrations' }]);
  },
);

const formerTable = table('schema_migrations', { number: int, name: text, checksum: text }, [
  'number',
]);

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
    const order = (await loadMigrations('spanner', SETS)).map(({ name }) => name);
    for (const { lines } of logs) {
      const steps = lines
        .filter(({ message }) => / a migration$/.test(message))
        .map(({ message, fields }) => `${message}: ${fields.migration}`);
      const names = [...new Set(steps.map((step) => step.split(': ')[1]))];
      expect(names).toEqual(order.filter((name) => names.includes(name)));
      expect(steps).toEqual(
        names.flatMap((name) => [`applying a migration: ${name}`, `applied a migration: ${name}`]),
      );
    }
  },
);

const UNIQUE_AMONG_TWINS = 'CREATE UNIQUE INDEX among_twins ON suite_accounts (owner)';
