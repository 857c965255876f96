/** Inserts that callers share (`Database.insertNew`), while connections are lost and rows are locked. */
import { describe, expect, test } from 'vitest';
import {
  openTestPostgres,
  testPostgresUrl,
  testSchema,
  withTestClient,
} from '../../../../../../test/support/databases/databases.ts';
import { openThroughProxy } from '../../../../../../test/support/databases/proxied-postgres.ts';
import { accounts, allAccounts } from '../../../../../../test/support/suites/suite-tables.ts';
import { createPostgresSuiteTables } from '../../../../../../test/support/suites/suite-tables-postgres.ts';
import { FakeClock } from '../../../testing/fake-clock.ts';
import { int } from '../../column.ts';
import type { Database } from '../../database.ts';
import { sql } from '../../sql.ts';
import { table } from '../../table.ts';

const marks = table('commit_marks', { number: int }, []);
const account = (number: number) => ({ owner: 'ada', number, balance: 100 });
/** With the end of the message, as it is not the end of BEGIN … READ COMMITTED. */
const COMMIT = 'COMMIT\0';
const NUMBERS = [1, 2, 3, 4];

const insertEach = (db: Database) =>
  NUMBERS.map((number) => db.insertNew(accounts, [account(number)]));

describe.skipIf(testPostgresUrl() === '')('inserts that share a transaction', () => {
  test('need one commit for all callers of one turn', async () => {
    const { db, outside } = await openThroughProxy();
    await Promise.all(insertEach(db));
    const query = sql`SELECT number FROM ${marks}`;
    const commits = await outside.read((tx) => tx.query(query, { number: int }));
    expect(commits).toEqual([{ number: 1 }]);
  });

  test.each([
    ['the insert', 'INSERT INTO', 'before'],
    ['the insert', 'INSERT INTO', 'after'],
    ['the commit', COMMIT, 'before'],
    ['the commit', COMMIT, 'after'],
    ['the commit', COMMIT, 'silent'],
  ] as const)(
    'and lose their connection at %s (%s, %s) are each there once',
    async (_, at, when) => {
      const { db, outside, proxy } = await openThroughProxy();
      const cut = proxy.cutAt(at, when);
      const added = await Promise.all(insertEach(db));
      await cut;
      expect(added).toEqual(NUMBERS.map((number) => [account(number)]));
      expect(await allAccounts(outside)).toHaveLength(NUMBERS.length);
      expect((await Promise.all(insertEach(db))).flat()).toEqual([]);
    },
  );

  test.each([
    ['the insert', 'INSERT INTO', 'after'],
    ['the commit', COMMIT, 'before'],
    ['the commit', COMMIT, 'after'],
  ] as const)(
    'or one of many rows that loses its connection at %s (%s, %s), are there once',
    async (_, at, when) => {
      const { db, outside, proxy } = await openThroughProxy();
      const rows = Array.from({ length: 100 }, (_row, number) => account(number));
      const cut = proxy.cutAt(at, when);
      const added = await db.insertNew(accounts, rows);
      await cut;
      expect(added).toEqual(rows);
      expect(await allAccounts(outside)).toEqual(rows);
    },
  );

  test('and cannot learn of their commit all have an unknown outcome', async () => {
    const clock = new FakeClock();
    const { db, outside, proxy } = await openThroughProxy({ clock });
    const cut = proxy.cutAt(COMMIT, 'after').then(() => proxy.accept(false));
    const settled = Promise.allSettled(insertEach(db));
    await cut;
    await clock.untilSleepers(1);
    clock.advance(60_000);
    const outcome = { status: 'rejected', reason: { code: 'outcome-unknown' } };
    expect(await settled).toMatchObject(NUMBERS.map(() => outcome));
    expect(await allAccounts(outside)).toHaveLength(NUMBERS.length);
  });

  test('and find a row locked by another transaction do not wait for it together', async () => {
    const { db, schema } = await openDatabase();
    await withTestClient(async (client) => {
      await client.query('BEGIN');
      await client.query(
        `INSERT INTO "${schema}".suite_accounts (owner, number, balance) VALUES ('ada', 2, 0)`,
      );
      const [first, locked, ...others] = insertEach(db);
      expect(await Promise.all([first, ...others])).toHaveLength(3);
      await client.query('COMMIT');
      expect(await locked).toEqual([]);
    });
  });

  test('write nothing outside the transaction that was begun for them', async () => {
    const { db, schema } = await openDatabase();
    await withTestClient((client) =>
      client.query(`
        CREATE FUNCTION "${schema}".unset() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN PERFORM set_config('postlude.begun', '', true); RETURN NULL; END $$;
        CREATE TRIGGER unset BEFORE INSERT ON "${schema}".suite_accounts
          FOR EACH STATEMENT EXECUTE FUNCTION "${schema}".unset()`),
    );
    const rows = Array.from({ length: 100 }, (_row, number) => account(number));
    expect(await db.insertNew(accounts, [account(1)])).toEqual([]);
    expect(await db.insertNew(accounts, rows)).toEqual([]);
    expect(await allAccounts(db)).toEqual([]);
  });
});

async function openDatabase(): Promise<{ readonly db: Database; readonly schema: string }> {
  const schema = testSchema();
  const db = await openTestPostgres({ schema });
  await createPostgresSuiteTables(db);
  return { db, schema };
}
