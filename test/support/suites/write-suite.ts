import { CodedError } from '@postlude/queue/foundations';
import { type Database, int, sql, type Transaction } from '@postlude/queue/storage';
import { describe, expect, test } from 'vitest';
import {
  accounts,
  allAccounts,
  balanceOf,
  barrier,
  type OpenSuiteDatabase,
} from './suite-tables.ts';

const ada = { owner: 'ada', number: 1, balance: 100 };
const bob = { owner: 'bob', number: 1, balance: 50 };

async function openWithAda(open: OpenSuiteDatabase): Promise<Database> {
  const db = await open();
  await db.write((tx) => tx.insert(accounts, [{ ...ada, note: 'first' }]));
  return db;
}

/** The part of an account that a read-modify-write reads. */
async function readBalance(tx: Transaction, owner: string): Promise<number> {
  const query = sql`SELECT balance FROM ${accounts} WHERE owner = ${owner}`;
  const [row] = await tx.query(query, { balance: int });
  return row?.balance ?? 0;
}

export function testWrites(open: OpenSuiteDatabase): void {
  describe('a transaction that fails', () => {
    test('changes nothing, and throws the error of its function', async () => {
      const db = await openWithAda(open);
      const error = new Error('changed my mind');
      const write = db.write(async (tx) => {
        await tx.insert(accounts, [bob]);
        throw error;
      });
      await expect(write).rejects.toBe(error);
      expect(await allAccounts(db)).toHaveLength(1);
    });

    test('is not run again for an error of its own, whatever its code', async () => {
      const db = await open();
      for (const code of ['conflict', 'unavailable'] as const) {
        let runs = 0;
        const error = new CodedError(code, 'of its own');
        const write = db.write(async () => {
          runs += 1;
          throw error;
        });
        await expect(write).rejects.toBe(error);
        expect(runs).toBe(1);
      }
    });

    test('inserting an existing key is already-exists, and nothing else lands', async () => {
      const db = await openWithAda(open);
      const write = db.write(async (tx) => {
        await tx.insert(accounts, [bob]);
        await tx.insert(accounts, [ada]);
      });
      await expect(write).rejects.toMatchObject({ name: 'CodedError', code: 'already-exists' });
      expect(await balanceOf(db, 'bob')).toBeUndefined();
    });

    test('inserting one key twice is already-exists', async () => {
      const db = await open();
      const write = db.write((tx) => tx.insert(accounts, [ada, ada]));
      await expect(write).rejects.toMatchObject({ code: 'already-exists' });
    });

    test('updating a missing row is not-found, and nothing else lands', async () => {
      const db = await openWithAda(open);
      const write = db.write((tx) =>
        tx.update(accounts, [
          { owner: 'ada', number: 1, balance: 1 },
          { owner: 'nobody', number: 1, balance: 1 },
        ]),
      );
      await expect(write).rejects.toMatchObject({ code: 'not-found' });
      expect(await balanceOf(db, 'ada')).toBe(100);
    });

    test('a failed query ends the transaction, also when its error is swallowed', async () => {
      const db = await openWithAda(open);
      const write = db.write(async (tx) => {
        await tx.insert(accounts, [bob]);
        await tx.query(sql`SELECT 1 / 0 AS balance`, { balance: int }).catch(() => undefined);
      });
      await expect(write).rejects.toThrow(/division by zero/i);
      expect(await balanceOf(db, 'bob')).toBeUndefined();
    });
  });

  describe('rows', () => {
    test('an update changes the columns it names, and undefined makes NULL', async () => {
      const db = await openWithAda(open);
      await db.write((tx) => tx.update(accounts, [{ owner: 'ada', number: 1, balance: 7 }]));
      expect(await allAccounts(db)).toEqual([{ ...ada, balance: 7, note: 'first' }]);
      await db.write((tx) => tx.update(accounts, [{ owner: 'ada', number: 1, note: undefined }]));
      expect(await allAccounts(db)).toEqual([{ ...ada, balance: 7, note: undefined }]);
    });

    test('an update of nothing but the key finds its row, or fails', async () => {
      const db = await openWithAda(open);
      await db.write((tx) => tx.update(accounts, [{ owner: 'ada', number: 1 }]));
      const write = db.write((tx) => tx.update(accounts, [{ owner: 'bob', number: 1 }]));
      await expect(write).rejects.toMatchObject({ code: 'not-found' });
    });

    test('an upsert inserts, or overwrites all columns', async () => {
      const db = await openWithAda(open);
      await db.write((tx) => tx.upsert(accounts, [{ ...ada, balance: 8 }, bob]));
      expect(await allAccounts(db)).toEqual([
        { ...ada, balance: 8, note: undefined },
        { ...bob, note: undefined },
      ]);
    });

    test('a delete finds rows by their whole key, and missing ones are no error', async () => {
      const db = await openWithAda(open);
      await db.write((tx) => tx.insert(accounts, [{ ...ada, number: 2 }]));
      await db.write((tx) =>
        tx.delete(accounts, [
          { owner: 'ada', number: 1 },
          { owner: 'bob', number: 9 },
        ]),
      );
      expect(await allAccounts(db)).toEqual([{ ...ada, number: 2, note: undefined }]);
    });

    test('writes of no rows do nothing', async () => {
      const db = await openWithAda(open);
      await db.write(async (tx) => {
        await tx.insert(accounts, []);
        await tx.update(accounts, []);
        await tx.upsert(accounts, []);
        await tx.delete(accounts, []);
        expect(await tx.insertNew(accounts, [])).toEqual([]);
      });
      expect(await allAccounts(db)).toHaveLength(1);
    });

    test('10,000 rows are inserted, updated, upserted and deleted', async () => {
      const db = await open();
      const keys = Array.from({ length: 10_000 }, (_, number) => ({ owner: 'many', number }));
      const total = async (): Promise<unknown> => {
        const query = sql`SELECT COUNT(*) AS count, COALESCE(SUM(balance), 0) AS sum FROM ${accounts}`;
        const [row] = await db.read((tx) => tx.query(query, { count: int, sum: int }));
        return row;
      };
      await db.write((tx) =>
        tx.insert(
          accounts,
          keys.map((key) => ({ ...key, balance: 1 })),
        ),
      );
      expect(await total()).toEqual({ count: 10_000, sum: 10_000 });
      await db.write((tx) =>
        tx.update(
          accounts,
          keys.map((key) => ({ ...key, balance: 2 })),
        ),
      );
      expect(await total()).toEqual({ count: 10_000, sum: 20_000 });
      await db.write((tx) =>
        tx.upsert(
          accounts,
          keys.map((key) => ({ ...key, balance: 3 })),
        ),
      );
      expect(await total()).toEqual({ count: 10_000, sum: 30_000 });
      await db.write((tx) => tx.delete(accounts, keys));
      expect(await total()).toEqual({ count: 0, sum: 0 });
    });
  });

  describe('the order of writes', () => {
    test('is the order in which they were made', async () => {
      const db = await openWithAda(open);
      await db.write(async (tx) => {
        await tx.delete(accounts, [{ owner: 'ada', number: 1 }]);
        await tx.insert(accounts, [{ ...ada, balance: 1 }]);
        await tx.update(accounts, [{ owner: 'ada', number: 1, balance: 2 }]);
        await tx.insert(accounts, [bob]);
        await tx.delete(accounts, [{ owner: 'bob', number: 1 }]);
      });
      expect(await allAccounts(db)).toEqual([{ ...ada, balance: 2, note: undefined }]);
    });

    test('the last of several updates or upserts of a row wins', async () => {
      const db = await openWithAda(open);
      await db.write(async (tx) => {
        await tx.update(accounts, [
          { owner: 'ada', number: 1, balance: 1 },
          { owner: 'ada', number: 1, balance: 2 },
        ]);
        await tx.upsert(accounts, [bob, { ...bob, balance: 3 }]);
      });
      expect((await allAccounts(db)).map(({ balance }) => balance)).toEqual([2, 3]);
    });

    test('reads in the transaction do not see them', async () => {
      const db = await openWithAda(open);
      await db.write(async (tx) => {
        await tx.update(accounts, [{ owner: 'ada', number: 1, balance: 0 }]);
        await tx.insert(accounts, [bob]);
        expect(await readBalance(tx, 'ada')).toBe(100);
        expect(await readBalance(tx, 'bob')).toBe(0);
      });
      expect(await balanceOf(db, 'ada')).toBe(0);
    });
  });

  describe('insertNew', () => {
    test('skips rows that exist, in the database or in the transaction', async () => {
      const db = await openWithAda(open);
      await db.write(async (tx) => {
        const cat = { owner: 'cat', number: 1, balance: 1 };
        const dan = { owner: 'dan', number: 1, balance: 1 };
        await tx.insert(accounts, [bob]);
        expect(await tx.insertNew(accounts, [ada, bob, cat, { ...cat, balance: 2 }])).toEqual([
          cat,
        ]);
        expect(await tx.insertNew(accounts, [cat, dan])).toEqual([dan]);
      });
      const rows = await allAccounts(db);
      expect(rows.map(({ owner, balance }) => `${owner} ${balance}`)).toEqual([
        'ada 100',
        'bob 50',
        'cat 1',
        'dan 1',
      ]);
    });

    test('takes a key that the transaction has deleted before', async () => {
      const db = await openWithAda(open);
      await db.write(async (tx) => {
        await tx.delete(accounts, [{ owner: 'ada', number: 1 }]);
        expect(await tx.insertNew(accounts, [{ ...ada, balance: 1 }])).toHaveLength(1);
      });
      expect(await balanceOf(db, 'ada')).toBe(1);
    });

    test('exactly one of several racing transactions inserts each row, and none fails', async () => {
      const db = await open();
      const rows = Array.from({ length: 20 }, (_, number) => ({
        owner: 'race',
        number,
        balance: 0,
      }));
      const added = await Promise.all(
        Array.from({ length: 8 }, (_, balance) =>
          db.write((tx) =>
            tx.insertNew(
              accounts,
              rows.map((row) => ({ ...row, balance })),
            ),
          ),
        ),
      );
      expect(added.flat()).toHaveLength(20);
      const stored = await allAccounts(db);
      const claimed = added.flat().map(({ number, balance }) => [number, balance]);
      expect(stored.map(({ number, balance }) => [number, balance])).toEqual(
        claimed.sort(([a = 0], [b = 0]) => a - b),
      );
    });
  });

  describe('concurrent transactions', () => {
    test('none of many increments is lost', async () => {
      const db = await openWithAda(open);
      await Promise.all(
        Array.from({ length: 12 }, () =>
          db.write(async (tx) => {
            const balance = (await readBalance(tx, 'ada')) + 1;
            await tx.update(accounts, [{ owner: 'ada', number: 1, balance }]);
          }),
        ),
      );
      expect(await balanceOf(db, 'ada')).toBe(112);
    });

    test("write skew is refused: one of two transactions that read both rows sees the other's write", async () => {
      const db = await openWithAda(open);
      await db.write((tx) => tx.insert(accounts, [bob]));
      // Each may go down to zero only while the other is above zero.
      const bothHaveRead = barrier(db.capabilities.connections > 1 ? 2 : 1);
      const empty = (own: string, other: string): Promise<void> =>
        db.write(async (tx) => {
          const otherBalance = await readBalance(tx, other);
          await bothHaveRead();
          if (otherBalance > 0) {
            await tx.update(accounts, [{ owner: own, number: 1, balance: 0 }]);
          }
        });
      await Promise.all([empty('ada', 'bob'), empty('bob', 'ada')]);
      const balances = (await allAccounts(db)).map(({ balance }) => balance);
      expect(balances.filter((balance) => balance > 0)).toHaveLength(1);
    });
  });
}
