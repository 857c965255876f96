import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  openTestPglite,
  openTestPostgres,
  testPostgresUrl,
  testSchema,
  withTestClient,
} from '../../../../../../test/support/databases/databases.ts';
import { accounts, allAccounts } from '../../../../../../test/support/suites/suite-tables.ts';
import { createPostgresSuiteTables } from '../../../../../../test/support/suites/suite-tables-postgres.ts';
import { forEachLimit } from '../../../foundations/concurrency.ts';
import { int, text } from '../../column.ts';
import type { Database } from '../../database.ts';
import { sql } from '../../sql.ts';
import { table } from '../../table.ts';
import { type Connection, openConnections } from '../connections/connections.ts';
import type { PostgresOptions } from '../open.ts';
import { closeMark, type MarkedTransaction, writeMark } from './commit-marks.ts';

const marks = table('commit_marks', { id: text, number: int }, ['id']);
const account = (number: number) => ({ owner: 'ada', number, balance: 0 });

async function open(options: PostgresOptions = {}): Promise<{ db: Database; schema: string }> {
  const schema = testSchema();
  const db = await openTestPostgres({ ...options, schema });
  await createPostgresSuiteTables(db);
  return { db, schema };
}

async function numbers(db: Database): Promise<number[]> {
  const query = sql`SELECT number FROM ${marks} ORDER BY number`;
  const rows = await db.read((tx) => tx.query(query, { number: int }));
  return rows.map(({ number }) => number);
}

async function writeOneByOne(db: Database, first: number, count: number): Promise<void> {
  for (let number = first; number < first + count; number++) {
    await db.write((tx) => tx.insert(accounts, [account(number)]));
  }
}

/** Plain connections beside those of a database. */
function openPlainConnections() {
  const connections = openConnections({
    driver: { default: pg } as unknown as typeof import('pg'),
    pool: { connectionString: testPostgresUrl(), pipeline: true } as pg.PoolConfig,
    names: undefined,
    onIdleError: () => undefined,
  });
  onTestFinished(() => connections.close());
  return connections;
}

const inTransaction = async (
  connection: Connection,
  schema: string,
  end: 'COMMIT' | 'ROLLBACK',
): Promise<MarkedTransaction> => {
  await connection.run('BEGIN ISOLATION LEVEL SERIALIZABLE');
  const marked = await writeMark(connection, schema);
  await connection.run(end);
  return marked;
};

describe.skipIf(testPostgresUrl() === '')('a commit mark', () => {
  test('that is closed tells what landed, as often as it is asked', async () => {
    const { schema } = await open();
    const connections = openPlainConnections();
    const [worker, asker] = [await connections.acquire(), await connections.acquire()];
    const first = await inTransaction(worker, schema, 'COMMIT');
    const second = await inTransaction(worker, schema, 'COMMIT');
    const third = await inTransaction(worker, schema, 'ROLLBACK');
    for (let time = 0; time < 3; time++) {
      expect(await closeMark(asker, schema, first)).toBe(false); // of a later one it says nothing
      expect(await closeMark(asker, schema, second)).toBe(true);
      expect(await closeMark(asker, schema, third)).toBe(false);
    }
    worker.release('broken');
    asker.release('usable');
  });

  test('that is closed lets no late transaction commit, whether or not it landed before', async () => {
    const { schema } = await open();
    const connections = openPlainConnections();
    const asker = await connections.acquire();
    for (const landedBefore of [0, 1]) {
      const worker = await connections.acquire();
      for (let count = 0; count < landedBefore; count++) {
        await inTransaction(worker, schema, 'COMMIT');
      }
      const lost = await inTransaction(worker, schema, 'ROLLBACK');
      expect(await closeMark(asker, schema, lost)).toBe(false);
      await worker.run('BEGIN ISOLATION LEVEL SERIALIZABLE');
      await expect(writeMark(worker, schema)).rejects.toMatchObject({ code: 'invalid-argument' });
      expect((await worker.run('COMMIT')).command).toBe('ROLLBACK');
      worker.release('broken');
    }
    asker.release('usable');
  });

  test('waits for a transaction that is in flight, and tells how it ended', async () => {
    const { schema } = await open();
    const connections = openPlainConnections();
    const [worker, asker] = [await connections.acquire(), await connections.acquire()];
    await worker.run('BEGIN ISOLATION LEVEL SERIALIZABLE');
    const marked = await writeMark(worker, schema);
    const answer = closeMark(asker, schema, marked);
    await untilWaiting();
    await worker.run('COMMIT');
    expect(await answer).toBe(true);
    worker.release('broken');
    asker.release('usable');
  });

  test('that is missing proves nothing once marks of its age are collected', async () => {
    const { schema } = await open();
    const connections = openPlainConnections();
    const [worker, asker] = [await connections.acquire(), await connections.acquire()];
    const marked = await inTransaction(worker, schema, 'ROLLBACK');
    const yesterday = { ...marked, writeTime: '2020-01-01 00:00:00+00' };
    expect(await closeMark(asker, schema, yesterday)).toBeUndefined();
    worker.release('broken');
    asker.release('usable');
  });

  test('takes no predicate locks, so that serializable transactions do not conflict on it', async () => {
    const { db, schema } = await open();
    await writeOneByOne(db, 0, 3);
    await withTestClient(async (client) => {
      // While a transaction that began before is open, the locks of later ones are kept.
      await client.query('BEGIN ISOLATION LEVEL SERIALIZABLE');
      await client.query('SELECT pg_current_xact_id()');
      await db.write(async (tx) => {
        await tx.readKeys(accounts, [{ owner: 'ada', number: 1 }], { balance: int });
        await tx.update(accounts, [account(1)]);
      });
      const { rows } = await client.query(
        `SELECT DISTINCT relation::regclass::text AS name FROM pg_locks WHERE mode = 'SIReadLock'`,
      );
      const locked = rows.map(({ name }) => String(name)).filter((name) => name.includes(schema));
      expect(locked.length).toBeGreaterThan(0);
      expect(locked.filter((name) => name.includes('commit_marks'))).toEqual([]);
      await client.query('ROLLBACK');
    });
  });

  test('makes no concurrent transactions run again', async () => {
    const { db } = await open({ maxConnections: 10 });
    let runs = 0;
    const writes = Array.from({ length: 300 }, (_, number) => number);
    await forEachLimit(writes, 10, (number) =>
      db.write(async (tx) => {
        runs += 1;
        await tx.insert(accounts, [account(number)]);
      }),
    );
    expect(runs).toBe(300);
  });

  test('is the only row that a connection needs, and is deleted when the database is closed', async () => {
    const { db, schema } = await open({ maxConnections: 1 });
    await writeOneByOne(db, 0, 2);
    expect(await numbers(db)).toEqual([2]);
    await writeOneByOne(db, 2, 600);
    expect(await numbers(db)).toHaveLength(1);
    await db.close();
    const { rows } = await withTestClient((client) =>
      client.query(`SELECT count(*)::int AS count FROM "${schema}".commit_marks`),
    );
    expect(rows).toEqual([{ count: 0 }]);
  });

  test('of a process that died is collected a day later, in passing', async () => {
    const { db, schema } = await open({ maxConnections: 1 });
    await withTestClient((client) =>
      client.query(
        `INSERT INTO "${schema}".commit_marks SELECT gen_random_uuid(), 1000 + hours,
           now() - hours * interval '1 hour' FROM unnest('{23, 25}'::int[]) AS hours`,
      ),
    );
    await writeOneByOne(db, 0, 300);
    expect((await numbers(db)).filter((number) => number > 999)).toEqual([1023]);
  });

  test('that was collected while its process idled is written again', async () => {
    const { db, schema } = await open({ maxConnections: 1 });
    await writeOneByOne(db, 0, 2);
    await withTestClient((client) => client.query(`DELETE FROM "${schema}".commit_marks`));
    await writeOneByOne(db, 2, 2);
    expect(await allAccounts(db)).toHaveLength(4);
    expect(await numbers(db)).toHaveLength(1);
  });

  test('is written without prepared statements as well', async () => {
    const { db } = await open({ maxConnections: 1, preparedStatements: false });
    await writeOneByOne(db, 0, 3);
    expect(await numbers(db)).toHaveLength(1);
  });

  test('that cannot be written makes the write fail with that error', async () => {
    const { db, schema } = await open();
    await withTestClient((client) => client.query(`DROP TABLE "${schema}".commit_marks`));
    const write = db.write((tx) => tx.insert(accounts, [account(1)]));
    await expect(write).rejects.toThrow('commit_marks');
  });

  test('is not written by reads', async () => {
    const { db } = await open({ maxConnections: 1 });
    const before = await numbers(db);
    await db.read((tx) => tx.query(sql`SELECT 1 AS n`, { n: int }));
    await db.write((tx) => tx.query(sql`SELECT 1 AS n`, { n: int }));
    expect(await numbers(db)).toEqual(before);
  });
});

test('an embedded database has no connection to lose, and writes no marks', async () => {
  const db = await openTestPglite();
  await createPostgresSuiteTables(db);
  await writeOneByOne(db, 0, 2);
  expect(await numbers(db)).toEqual([]);
});

async function untilWaiting(): Promise<void> {
  await withTestClient(async (client) => {
    for (;;) {
      const { rows } = await client.query(
        `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%commit_marks%'`,
      );
      if (rows.length > 0) return;
    }
  });
}
