/** Tests of reads by key: of one row, of many, and of ranges of a table or an index. */

import { type Database, int, type KeyRange, type Transaction, text } from '@postlude/queue/storage';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Account,
  accounts,
  allAccounts,
  notes,
  notesByText,
  type OpenSuiteDatabase,
} from './suite-tables.ts';

const OWNERS = ['a', 'b', 'ä', 'z'];
const NUMBERS = [0, 1, 2];
const columns = { owner: text, number: int };

/** Each owner has a row with each number. */
async function openWithAccounts(open: OpenSuiteDatabase): Promise<Database> {
  const db = await open();
  const rows = OWNERS.flatMap((owner) => NUMBERS.map((number) => accountOf(owner, number)));
  await db.write((tx) => tx.insert(accounts, rows));
  return db;
}

/** Rows with an even number have a note. */
async function openWithNotes(open: OpenSuiteDatabase): Promise<Database> {
  const db = await open();
  const rows = OWNERS.flatMap((owner) =>
    NUMBERS.map((number) => ({ owner, number, note: number % 2 === 0 ? `n${number}` : undefined })),
  );
  await db.write((tx) => tx.insert(notes, rows));
  return db;
}

function accountOf(owner: string, number: number): Account {
  return { owner, number, balance: 10 * number, note: undefined };
}

const name = ({ owner, number }: AccountKey): string => `${owner}${number}`;

/** Compares by the bytes of UTF-8. */
function compareText(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

type AccountKey = Pick<Account, 'owner' | 'number'>;

function compareKeys(a: AccountKey, b: AccountKey): number {
  return compareText(a.owner, b.owner) || a.number - b.number;
}

export function testKeyReads(open: OpenSuiteDatabase): void {
  describe('a read of keys', () => {
    test('returns the rows that exist, each once', async () => {
      const db = await openWithAccounts(open);
      const keys = [
        { owner: 'b', number: 2 },
        { owner: 'a', number: 1 },
        { owner: 'nobody', number: 1 },
        { owner: 'a', number: 1 },
      ];
      const rows = await db.read((tx) => tx.readKeys(accounts, keys, accounts.columns));
      expect(rows.sort(compareKeys)).toEqual([accountOf('a', 1), accountOf('b', 2)]);
    });

    test('takes one key, keys that differ only in their last column, and no keys', async () => {
      const db = await openWithAccounts(open);
      const read = (keys: { owner: string; number: number }[]) =>
        db.read(async (tx) => (await tx.readKeys(accounts, keys, columns)).map(name).sort());
      expect(await read([{ owner: 'ä', number: 2 }])).toEqual(['ä2']);
      const ofOne = [2, 0, 0, 7].map((number) => ({ owner: 'z', number }));
      expect(await read(ofOne)).toEqual(['z0', 'z2']);
      expect(await read([])).toEqual([]);
    });

    test('sees neither the writes nor the deletions of its transaction', async () => {
      const db = await openWithAccounts(open);
      const keys = [{ owner: 'a', number: 1 }];
      await db.write(async (tx) => {
        await tx.delete(accounts, keys);
        expect(await tx.readKeys(accounts, keys, columns)).toEqual(keys);
      });
      expect(await db.read((tx) => tx.readKeys(accounts, keys, columns))).toEqual([]);
    });

    test('can lock, so that transactions that read and then write wait for each other', async () => {
      const db = await openWithAccounts(open);
      const key = { owner: 'a', number: 0 };
      const increment = async (tx: Transaction): Promise<void> => {
        const [row] = await tx.lockKeys(accounts, [key], {
          columns: { balance: int },
          lock: 'update',
        });
        await tx.update(accounts, [{ ...key, balance: (row?.balance ?? 0) + 1 }]);
      };
      await Promise.all(Array.from({ length: 10 }, () => db.write(increment)));
      const [row] = await db.read((tx) => tx.readKeys(accounts, [key], { balance: int }));
      expect(row?.balance).toBe(10);
    });
  });

  describe('a read of a range', () => {
    test('returns its rows in the same order as a model', async () => {
      const db = await openWithAccounts(open);
      const all = (await allAccounts(db)).sort(compareKeys);
      const anyRange = fc.record({
        first: fc.subarray(['', ...[...OWNERS].sort(compareText), 'zz']),
        after: fc.option(
          fc.record({
            owner: fc.constantFrom('', 'a', 'b', 'c', 'ä', 'zz'),
            number: fc.integer({ min: -1, max: 3 }),
          }),
          { nil: undefined },
        ),
        limit: fc.integer({ min: 1, max: 12 }),
      });
      await fc.assert(
        fc.asyncProperty(anyRange, async (range) => {
          const rows = await db.read((tx) => tx.readRange(accounts, range, columns));
          const { first, after, limit } = range;
          const expected = all.filter(
            (row) => first.includes(row.owner) && (!after || compareKeys(row, after) > 0),
          );
          expect(rows.map(name)).toEqual(expected.slice(0, limit).map(name));
        }),
        { numRuns: 60 },
      );
    });

    test('of an index finds what the index has', async () => {
      const db = await openWithNotes(open);
      const read = (range: KeyRange) =>
        db.read(async (tx) => (await tx.readRange(notesByText, range, columns)).map(name));
      expect(await read({ first: ['n0', 'n2'] })).toEqual('a0 b0 z0 ä0 a2 b2 z2 ä2'.split(' '));
      const after = { note: 'n2', owner: 'b', number: 2 };
      expect(await read({ first: ['n0', 'n2'], after, limit: 1 })).toEqual(['z2']);
      expect(await read({ first: ['n2'], after })).toEqual(['z2', 'ä2']);
      expect(await read({ first: ['n1'] })).toEqual([]);
      expect(await read({ first: [] })).toEqual([]);
    });

    test('protects its transaction from rows that others add to the range meanwhile', async () => {
      const db = await openWithAccounts(open);
      const range = { first: ['a'] };
      const addIfFew = (number: number): Promise<void> =>
        db.write(async (tx) => {
          const rows = await tx.readRange(accounts, range, columns);
          if (rows.length === 3) await tx.insert(accounts, [accountOf('a', number)]);
        });
      await Promise.all([11, 12, 13, 14].map(addIfFew));
      expect(await db.read((tx) => tx.readRange(accounts, range, columns))).toHaveLength(4);
    });
  });
}
