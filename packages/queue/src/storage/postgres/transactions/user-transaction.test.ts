import pg from 'pg';
import postgres from 'postgres';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  type OpenDatabase,
  openTestPglite,
  openTestPostgres,
  testPostgresUrl,
  testSchema,
} from '../../../../../../test/support/databases/databases.ts';
import {
  type InTransaction,
  openPgliteTransactions,
  openPgTransactions,
  openPostgresJsTransactions,
} from '../../../../../../test/support/databases/user-transactions.ts';
import {
  accounts,
  allAccounts,
  values,
} from '../../../../../../test/support/suites/suite-tables.ts';
import { createPostgresSuiteTables } from '../../../../../../test/support/suites/suite-tables-postgres.ts';
import { int } from '../../column.ts';
import type { Database } from '../../database.ts';
import { sql } from '../../sql.ts';
import type { UserTransaction } from './immediate-transaction.ts';
import { fromPostgres } from './user-transaction.ts';

const ada = { owner: 'ada', number: 1, balance: 100, note: undefined };
const bob = { owner: 'bob', number: 1, balance: 50, note: undefined };

interface Setting {
  readonly db: Database;
  readonly inTransaction: InTransaction;
}

async function openDatabase(
  open: OpenDatabase = openTestPostgres,
): Promise<{ readonly db: Database; readonly schema: string }> {
  const schema = testSchema();
  const db = await open({ schema });
  await createPostgresSuiteTables(db);
  await db.write((tx) => tx.insert(accounts, [ada]));
  return { db, schema };
}

async function withPg(begin: string): Promise<Setting> {
  const { db, schema } = await openDatabase();
  return { db, inTransaction: await openPgTransactions(schema, begin) };
}

async function withPostgresJs(): Promise<Setting> {
  const { db, schema } = await openDatabase();
  return { db, inTransaction: await openPostgresJsTransactions(schema) };
}

async function withPglite(): Promise<Setting> {
  const { db, schema } = await openDatabase(openTestPglite);
  return { db, inTransaction: await openPgliteTransactions(schema) };
}

const settings: readonly [string, () => Promise<Setting>][] = [
  ['PGlite', withPglite],
  ...(testPostgresUrl() === '' ? [] : withServer()),
];

function withServer(): [string, () => Promise<Setting>][] {
  return [
    ['pg', () => withPg('BEGIN')],
    ['pg, serializable', () => withPg('BEGIN ISOLATION LEVEL SERIALIZABLE')],
    ['postgres.js', withPostgresJs],
  ];
}

describe.each(settings)('a transaction of %s', (_, open) => {
  test('rolls back with the rest', async () => {
    const { db, inTransaction } = await open();
    const calls: string[] = [];
    const write = inTransaction(async (tx) => {
      tx.afterCommit(() => void calls.push('called'));
      await tx.insert(accounts, [bob]);
      throw new Error('no');
    });
    await expect(write).rejects.toThrow('no');
    expect(await allAccounts(db)).toEqual([ada]);
    expect(calls).toEqual([]);
  });

  test('throws coded errors at once', async () => {
    const { inTransaction } = await open();
    const inserted = inTransaction((tx) => tx.insert(accounts, [ada]));
    await expect(inserted).rejects.toMatchObject({ code: 'already-exists' });
    const updated = inTransaction((tx) => tx.update(accounts, [bob]));
    await expect(updated).rejects.toMatchObject({ code: 'not-found' });
  });

  test('applies writes at once, so that its reads see them', async () => {
    const { db, inTransaction } = await open();
    await inTransaction(async (tx) => {
      await tx.insert(accounts, [bob]);
      await tx.update(accounts, [
        { owner: 'bob', number: 1, balance: 1 },
        { owner: 'bob', number: 1, balance: 2 },
      ]);
      await tx.upsert(accounts, [{ ...ada, balance: 3 }]);
      const query = sql`SELECT balance FROM ${accounts} WHERE owner = ${'bob'}`;
      expect(await tx.query(query, { balance: int })).toEqual([{ balance: 2 }]);
      await tx.delete(accounts, [{ owner: 'bob', number: 1 }]);
    });
    expect(await allAccounts(db)).toEqual([{ ...ada, balance: 3 }]);
  });

  test('inserts new rows, and does not abort for the others', async () => {
    const { db, inTransaction } = await open();
    const added = await inTransaction((tx) =>
      tx.insertNew(accounts, [ada, bob, { ...bob, balance: 7 }]),
    );
    expect(added).toEqual([bob]);
    expect(await allAccounts(db)).toEqual([ada, bob]);
  });

  test('keeps values unchanged', async () => {
    const { db, inTransaction } = await open();
    const row = {
      id: 'x',
      aText: 'a "quoted", {text}',
      anInt: Number.MAX_SAFE_INTEGER,
      aFloat: 0.1,
      aBool: true,
      someBytes: new Uint8Array([0, 1, 255]),
      aTime: 1_767_323_045_123.456,
      texts: ['', 'NULL'],
      ints: [-1],
      blobs: [new Uint8Array([7])],
    };
    const read = await inTransaction(async (tx) => {
      await tx.insert(values, [row, { id: 'y' }]);
      const query = sql`SELECT * FROM ${values} WHERE id = ${'x'} AND a_bool = ${true} AND some_bytes = ${row.someBytes}`;
      return await tx.query(query, values.columns);
    });
    expect(read).toEqual([row]);
    const stored = await db.read((tx) =>
      tx.query(sql`SELECT * FROM ${values} WHERE id = ${'x'}`, values.columns),
    );
    expect(stored).toEqual([row]);
  });

  test('streams, and works after a stream was left early', async () => {
    const { inTransaction } = await open();
    await inTransaction(async (tx) => {
      const numbers: number[] = [];
      for await (const { n } of tx.stream(sql`SELECT n FROM generate_series(1, 1000) n`, {
        n: int,
      })) {
        numbers.push(n);
        if (n === 500) break;
      }
      expect(numbers).toHaveLength(500);
      await tx.insert(accounts, [bob]);
    });
  });

  test('calls back when the user says that it has been committed, newest first and once', async () => {
    const { inTransaction } = await open();
    const calls: number[] = [];
    const tx = await inTransaction(async (inside) => {
      inside.afterCommit(() => void calls.push(1));
      inside.afterCommit(() => void calls.push(2));
      return { again: () => inside.committed() };
    });
    await tx.again();
    expect(calls).toEqual([2, 1]);
  });
});

describe.each(settings)('a transaction of %s that has ended', (_, open) => {
  test('accepts no more writes, whether committed or rolled back', async () => {
    const { db, inTransaction } = await open();
    const { tx: committed } = await inTransaction(async (tx) => {
      await tx.update(accounts, [ada]);
      return { tx };
    });
    await expect(committed.insert(accounts, [bob])).rejects.toThrow();
    let rolledBack: UserTransaction | undefined;
    const write = inTransaction(async (tx) => {
      rolledBack = tx;
      await tx.update(accounts, [ada]);
      throw new Error('no');
    });
    await expect(write).rejects.toThrow('no');
    await expect(rolledBack?.insert(accounts, [bob])).rejects.toThrow();
    expect(await allAccounts(db)).toEqual([ada]);
  });

  test('accepts no writes in the next transaction either', async () => {
    const { db, inTransaction } = await open();
    const { tx: ended } = await inTransaction(async (tx) => {
      await tx.update(accounts, [ada]);
      return { tx };
    });
    const outcome = await inTransaction(async (tx) => {
      await tx.update(accounts, [{ ...ada, balance: 1 }]);
      return await ended.insert(accounts, [bob]).then(
        () => 'written',
        () => 'refused',
      );
    });
    expect(outcome).toBe('refused');
    expect(await allAccounts(db)).toEqual([{ ...ada, balance: 1 }]);
  });
});

describe.skipIf(testPostgresUrl() === '')('a client of pg', () => {
  async function openClient() {
    const { db, schema } = await openDatabase();
    const client = new pg.Client({ connectionString: testPostgresUrl() });
    await client.connect();
    onTestFinished(() => client.end());
    return { db, client, tx: fromPostgres(client, { schema }) };
  }

  const refused = expect.objectContaining({
    code: 'failed-precondition',
    message: expect.stringContaining('no transaction open on this client'),
  });

  test('without BEGIN writes nothing', async () => {
    const { db, tx } = await openClient();
    await expect(tx.insert(accounts, [bob])).rejects.toEqual(refused);
    await expect(tx.insertNew(accounts, [bob])).rejects.toEqual(refused);
    await expect(tx.upsert(accounts, [bob])).rejects.toEqual(refused);
    await expect(tx.update(accounts, [{ ...ada, balance: 1 }])).rejects.toEqual(refused);
    await expect(tx.delete(accounts, [ada])).rejects.toEqual(refused);
    expect(await allAccounts(db)).toEqual([ada]);
  });

  test('writes nothing after a ROLLBACK that overtook a write', async () => {
    const { db, client, tx } = await openClient();
    await client.query('BEGIN');
    const first = tx.update(accounts, [ada]);
    await first;
    // Two statements: the second is sent when the ROLLBACK has been.
    const writing = tx.update(accounts, [
      { ...ada, balance: 1 },
      { ...ada, balance: 2 },
    ]);
    const rolledBack = client.query('ROLLBACK');
    await expect(writing).rejects.toEqual(refused);
    await rolledBack;
    expect(await allAccounts(db)).toEqual([ada]);
  });

  test('works after a rollback to a savepoint', async () => {
    const { db, client, tx } = await openClient();
    await client.query('BEGIN; SAVEPOINT before');
    await expect(tx.insert(accounts, [ada])).rejects.toMatchObject({ code: 'already-exists' });
    await client.query('ROLLBACK TO SAVEPOINT before');
    await tx.insert(accounts, [bob]);
    await client.query('COMMIT');
    expect(await allAccounts(db)).toEqual([ada, bob]);
  });

  test('is read once more if the transaction had been aborted before the first write', async () => {
    const { db, client, tx } = await openClient();
    await client.query('BEGIN; SAVEPOINT before');
    await client.query('SELECT 1 / 0').catch(() => undefined);
    await expect(tx.insert(accounts, [bob])).rejects.toThrow('aborted');
    await client.query('ROLLBACK TO SAVEPOINT before');
    await tx.insert(accounts, [bob]);
    await client.query('COMMIT');
    expect(await allAccounts(db)).toEqual([ada, bob]);
  });
});

test('pools of pg and of postgres.js are refused', async () => {
  const pool = new pg.Pool({ connectionString: 'postgres://127.0.0.1:9/none' });
  expect(() => fromPostgres(pool)).toThrow('a pool of pg is not a transaction');
  const client = postgres('postgres://127.0.0.1:9/none');
  expect(() => fromPostgres(client)).toThrow('the sql of postgres.js itself is not a transaction');
});

test('a value that is not a client is refused', () => {
  expect(() => fromPostgres({} as never)).toThrow('expected a client');
});
