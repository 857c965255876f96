/** `Database.insertNew`: rows that are new, in a transaction of their own or in one that calls share. */
import type { Database } from '@postlude/queue/storage';
import { describe, expect, test } from 'vitest';
import { accounts, allAccounts, balanceOf, type OpenSuiteDatabase } from './suite-tables.ts';

const ada = { owner: 'ada', number: 1, balance: 100 };
const bob = { owner: 'bob', number: 1, balance: 50 };

/** So many rows that PostgreSQL first tries to insert them without looking for their keys. */
const MANY = Array.from({ length: 100 }, (_, number) => number);
const account = (number: number) => ({ owner: 'many', number, balance: number });

const WAYS = [
  ['that may be gathered', { gather: true }],
  ['alone', { gather: false }],
] as const;

export function testInserts(open: OpenSuiteDatabase): void {
  describe.each(WAYS)('an insert of new rows, %s,', (_, options) => {
    test('skips rows that exist or come twice, and returns the others in order', async () => {
      const db = await open();
      await db.write((tx) => tx.insert(accounts, [ada]));
      const rows = [
        { ...bob, note: 'first' },
        { ...ada, balance: 1 },
        { ...bob, balance: 2 },
      ];
      const cat = { owner: 'cat', number: 1, balance: 3 };
      const added = await db.insertNew(accounts, [cat, ...rows], options);
      expect(added).toEqual([cat, { ...bob, note: 'first' }]);
      expect(added[1]).toBe(rows[0]);
      expect(await db.insertNew(accounts, rows, options)).toEqual([]);
      expect(await db.insertNew(accounts, [], options)).toEqual([]);
      expect((await allAccounts(db)).map(({ balance }) => balance)).toEqual([100, 50, 3]);
    });

    test('exactly one of several racing calls inserts each row, and none fails', async () => {
      const db = await open();
      const rows = Array.from({ length: 12 }, (_row, number) => ({
        owner: 'race',
        number,
        balance: 0,
      }));
      const calls = Array.from({ length: 8 }, (_call, balance) => {
        const own = rows.map((row) => ({ ...row, balance }));
        return db.insertNew(accounts, balance % 2 ? own : own.toReversed(), options);
      });
      const added = (await Promise.all(calls)).flat();
      expect(added).toHaveLength(12);
      const stored = await allAccounts(db);
      expect(stored.map(({ number, balance }) => [number, balance])).toEqual(
        added.map(({ number, balance }) => [number, balance]).sort(([a = 0], [b = 0]) => a - b),
      );
    });

    test('fails alone for a row that cannot be stored, and inserts none of its rows', async () => {
      const db = await open();
      const bad = { owner: 'bad\0', number: 1, balance: 0 };
      const calls = [[ada], [bob, bad], [{ ...ada, balance: 1 }]].map((rows) =>
        db.insertNew(accounts, rows, options),
      );
      const outcomes = await Promise.allSettled(calls);
      expect(outcomes[1]).toMatchObject({ reason: { code: 'invalid-argument' } });
      expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
      expect(await allAccounts(db)).toHaveLength(1);
    });

    test('is refused within a transaction, even while another one is under way', async () => {
      const db = await open();
      const outside = db.insertNew(accounts, [bob], options);
      const inside = db.write(() => db.insertNew(accounts, [ada], options));
      await expect(inside).rejects.toThrow('inside a transaction');
      expect(await outside).toEqual([bob]);
      expect((await allAccounts(db)).map(({ owner }) => owner)).toEqual(['bob']);
    });
  });

  describe('inserts of new rows', () => {
    test('of many callers all land, each with its own outcome', async () => {
      const db = await open();
      const names = Array.from({ length: 40 }, (_, number) => number);
      const insert = (number: number) =>
        db.insertNew(accounts, [{ owner: 'many', number: number % 30, balance: number }]);
      const added = await Promise.all(names.map(insert));
      expect(added.map((rows) => rows.length)).toEqual(names.map((n) => (n < 30 ? 1 : 0)));
      expect(await allAccounts(db)).toHaveLength(30);
    });

    test('of many rows skip those that exist or come twice, again and again', async () => {
      const db = await open();
      const rowsFrom = (first: number) => MANY.map((number) => account(first + number));
      expect(await db.insertNew(accounts, rowsFrom(0))).toEqual(rowsFrom(0));
      const overlapping = [...rowsFrom(50), ...rowsFrom(50)];
      for (const added of [rowsFrom(50).slice(-50), [], []]) {
        expect(await db.insertNew(accounts, overlapping)).toEqual(added);
      }
      expect(await allAccounts(db)).toEqual([...rowsFrom(0), ...rowsFrom(100).slice(0, 50)]);
    });

    test('of many rows by racing callers insert each row once, and none fails', async () => {
      const db = await open();
      const calls = Array.from({ length: 4 }, (_call, caller) => {
        const rows = MANY.map((number) => account(10 * caller + number));
        return db.insertNew(accounts, caller % 2 ? rows : rows.toReversed());
      });
      const added = (await Promise.all(calls)).flat();
      expect(new Set(added.map(({ number }) => number)).size).toBe(MANY.length + 30);
      expect(added).toHaveLength(MANY.length + 30);
    });

    test('that a closed database is asked for are refused', async () => {
      const db = await open();
      await db.insertNew(accounts, [ada]);
      expect(await balanceOf(db, 'ada')).toBe(100);
      await db.close();
      await expectRefused(db);
    });
  });
}

async function expectRefused(db: Database): Promise<void> {
  for (const [, options] of WAYS) {
    await expect(db.insertNew(accounts, [bob], options)).rejects.toThrow();
  }
}
