import type { Database } from '@postlude/queue/storage';
import { tasks } from '@postlude/queue/tables';
import { forEachCrash } from '@postlude/queue/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  openTestPglite,
  openTestPostgres,
  openTestSpanner,
  testPostgresUrl,
  testSchema,
  testSpannerHost,
  withTestClient,
} from '../../test/support/databases/databases.ts';
import { SqliteDatabase } from '../../test/support/databases/sqlite-database.ts';
import { invocationId, newInvocation } from '../../test/support/invocations/fixtures.ts';
import { fillSource, SOURCE_ROWS } from '../../test/support/server/copy-source.ts';
import { insertInvocations } from '../invocations/invocations.ts';
import { secrets } from '../secrets/secrets.ts';
import { COPIED_TABLES, type CopiedTable, copyDatabase } from './copy-database.ts';

const { signal } = new AbortController();

const pglite = { isThere: true, open: openTestPglite };
const postgres = { isThere: testPostgresUrl() !== '', open: openTestPostgres };
const spanner = { isThere: testSpannerHost() !== '', open: openTestSpanner };
const pairs = [
  ['PGlite to PGlite', pglite, pglite],
  ['PGlite to PostgreSQL', pglite, postgres],
  ['PostgreSQL to Cloud Spanner', postgres, spanner],
  ['Cloud Spanner to PGlite', spanner, pglite],
] as const;

function expectWhole(tables: readonly CopiedTable[]): void {
  const rows = Object.fromEntries(tables.map(({ table, to }) => [table, to.rows]));
  expect(rows).toEqual(SOURCE_ROWS);
  expect(tables.filter(({ isSame }) => !isSame)).toEqual([]);
}

describe.each(pairs.filter(([, source, target]) => source.isThere && target.isThere))(
  '%s',
  (_name, source, target) => {
    async function open() {
      const [from, to] = [await source.open(), await target.open()];
      await fillSource(from);
      return { from, to };
    }

    test('everything is copied, page by page, and found to be the same', async () => {
      expectWhole(await copyDatabase({ ...(await open()), signal, pageRows: 2 }));
    });

    test('an interrupted copy continues after its last row', async () => {
      const databases = await open();
      const cut = new AbortController();
      const first = copyDatabase({
        ...databases,
        pageRows: 2,
        signal: cut.signal,
        onProgress: ({ table, rows }) => {
          if (table === 'test_results' && rows === 4) cut.abort(new Error('cut'));
        },
      });
      await expect(first).rejects.toThrow('cut');
      const again = await copyDatabase({ ...databases, signal, pageRows: 2 });
      const copied = Object.fromEntries(again.map(({ table, copied }) => [table, copied]));
      expect(copied).toMatchObject({ invocations: 0, test_results: 10, test_exonerations: 7 });
      expectWhole(again);
    });

    test('a target that holds other rows is refused, and left as it is', async () => {
      const { from, to } = await open();
      await to.write((tx) => insertInvocations(tx, [newInvocation(invocationId('other'))]));
      const refused = copyDatabase({ from, to, signal });
      await expect(refused).rejects.toMatchObject({
        code: 'failed-precondition',
        message: expect.stringContaining('rows in invocations that are not the source'),
      });
      expect(await countRows(to)).toEqual({ ...emptyRows(), invocations: 1 });
    });
  },
);

async function countRows(db: Database): Promise<Record<string, number>> {
  const tables = await copyDatabase({ from: db, to: db, signal });
  return Object.fromEntries(tables.map(({ table, to }) => [table, to.rows]));
}

function emptyRows(): Record<string, number> {
  return Object.fromEntries(COPIED_TABLES.map(({ name }) => [name, 0]));
}

test.each([
  ['has changed since', { attempt: 99 }],
  ['is not the source’s any more', { lastError: 'no' }],
])('a target where a row %s is refused', async (_why, change) => {
  const [from, to] = [openSqlite(), openSqlite()];
  await fillSource(from);
  await copyDatabase({ from, to, signal });
  await to.write((tx) => tx.update(tasks, [{ type: 'bytes', id: 'c', ...change }]));
  const refused = copyDatabase({ from, to, signal });
  await expect(refused).rejects.toThrow('rows in tasks that are not the source');
});

test('a row that changes during the copy is reported at the end', async () => {
  const [from, to] = [openSqlite(), openSqlite()];
  await fillSource(from);
  let change: Promise<void> | undefined;
  const tables = await copyDatabase({
    from,
    to,
    signal,
    onProgress: ({ step, table }) => {
      if (step !== 'compare' || table !== 'invocations') return;
      change ??= to.write((tx) => tx.update(tasks, [{ type: 'bytes', id: 'c', attempt: 99 }]));
    },
  });
  await change;
  expect(tables.filter(({ isSame }) => !isSame).map(({ table }) => table)).toEqual(['tasks']);
});

test('a copy that dies at any step can be continued, and neither loses nor repeats a row', async () => {
  const from = openSqlite();
  await fillSource(from);
  const steps = await forEachCrash(async (faults) => {
    const to = openSqlite();
    const dying = { from: faults.wrap(from), to: faults.wrap(to), signal, pageRows: 2 };
    await faults.run(() => copyDatabase(dying));
    expectWhole(await copyDatabase({ from, to, signal, pageRows: 2 }));
  });
  expect(steps).toBeGreaterThan(50);
});

function openSqlite(): SqliteDatabase {
  const database = new SqliteDatabase(COPIED_TABLES);
  onTestFinished(() => database.close());
  return database;
}

test.runIf(testPostgresUrl() !== '')(
  'a server that orders text as its language does changes nothing',
  async () => {
    const from = await openTestPostgres({ url: await createDatabaseInEnglish() });
    const names = ['a', 'B', '_c', 'é', 'Z-1', 'z1'];
    const secret = new Uint8Array([1]);
    await from.write((tx) =>
      tx.insert(
        secrets,
        names.map((name) => ({ name, secret, createTime: 0 })),
      ),
    );
    const to = openSqlite();
    const cut = new AbortController();
    const first = copyDatabase({
      from,
      to,
      pageRows: 1,
      signal: cut.signal,
      onProgress: ({ rows }) => {
        if (rows === 3) cut.abort(new Error('cut'));
      },
    });
    await expect(first).rejects.toThrow('cut');
    const [copied] = await copyDatabase({ from, to, signal, pageRows: 1 });
    expect(copied).toMatchObject({ table: 'secrets', copied: 3, isSame: true });
    expect(copied?.to.rows).toBe(names.length);
  },
);

/** Returns the URL of a database that is dropped when the test ends. */
async function createDatabaseInEnglish(): Promise<string> {
  const name = testSchema();
  await withTestClient((client) =>
    client.query(
      `CREATE DATABASE ${name} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en' ENCODING UTF8`,
    ),
  );
  onTestFinished(async () => {
    await withTestClient((client) => client.query(`DROP DATABASE ${name} WITH (FORCE)`));
  });
  const url = new URL(testPostgresUrl());
  url.pathname = `/${name}`;
  return url.href;
}

test.runIf(testPostgresUrl() !== '')('no table is forgotten', async () => {
  const schema = testSchema();
  await openTestPostgres({ schema });
  const { rows } = await withTestClient((client) =>
    client.query('SELECT table_name FROM information_schema.tables WHERE table_schema = $1', [
      schema,
    ]),
  );
  const names = (rows as { table_name: string }[]).map((row) => row.table_name);
  const copied = COPIED_TABLES.map((table) => table.name);
  const left = names.filter((name) => !copied.includes(name)).sort();
  expect(left).toEqual(['applied_migrations', 'commit_marks', 'tq_sweep_leases']);
});
