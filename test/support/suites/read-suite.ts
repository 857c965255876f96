import { getEventListeners } from 'node:events';
import {
  type Database,
  int,
  join,
  type Reader,
  raw,
  sql,
  text,
  textArray,
} from '@postlude/queue/storage';
import { describe, expect, test } from 'vitest';
import { Signal } from '../signal.ts';
import { accounts, allAccounts, type OpenSuiteDatabase } from './suite-tables.ts';

const ROWS = 12_000;

const inOrder = sql`SELECT number FROM ${accounts} ORDER BY number`;

async function openWithRows(open: OpenSuiteDatabase, count = ROWS): Promise<Database> {
  const db = await open();
  const rows = Array.from({ length: count }, (_, number) => ({ owner: 'x', number, balance: 0 }));
  await db.write((tx) => tx.insert(accounts, rows));
  return db;
}

export function testReads(open: OpenSuiteDatabase): void {
  describe('a read', () => {
    test('sees one snapshot across its queries', async () => {
      const db = await openWithRows(open, 1);
      if (db.capabilities.connections === 1) return; // no other transaction can write meanwhile
      const query = sql`SELECT COUNT(*) AS count FROM ${accounts}`;
      const read = new Signal();
      const newRow = { owner: 'y', number: 1, balance: 1 };
      const written = read.next().then(() => db.write((tx) => tx.insert(accounts, [newRow])));
      await db.read(async (tx) => {
        const before = await tx.query(query, { count: int });
        read.emit();
        await written;
        expect(await tx.query(query, { count: int })).toEqual(before);
      });
      expect(await allAccounts(db)).toHaveLength(2);
    });

    test('names the column that a query does not select', async () => {
      const db = await openWithRows(open, 1);
      const read = db.read((tx) => tx.query(sql`SELECT 1 AS one`, { one: int, twoWords: int }));
      await expect(read).rejects.toThrow('two_words');
    });

    test('throws the error of its function', async () => {
      const db = await open();
      const error = new Error('mine');
      await expect(db.read(() => Promise.reject(error))).rejects.toBe(error);
    });

    test('fails if a query fails, and the next read works', async () => {
      const db = await openWithRows(open, 1);
      const read = db.read((tx) => tx.query(sql`SELECT nonsense FROM ${accounts}`, { x: text }));
      await expect(read).rejects.toThrow('nonsense');
      expect(await allAccounts(db)).toHaveLength(1);
    });
  });

  describe('the signal of a read', () => {
    const gone = new Error('the caller has gone');

    test('begins nothing if it has aborted', async () => {
      const db = await open();
      let hasBegun = false;
      const read = async () => {
        hasBegun = true;
      };
      await expect(db.read(read, { signal: AbortSignal.abort(gone) })).rejects.toBe(gone);
      expect(hasBegun).toBe(false);
    });

    test('ends the read between two statements, whatever kind they are', async () => {
      const db = await openWithRows(open, 2);
      const key = { owner: 'x', number: 1 };
      const statements: ((tx: Reader) => Promise<unknown>)[] = [
        (tx) => tx.query(inOrder, { number: int }),
        (tx) => tx.readKeys(accounts, [key], { number: int }),
        (tx) => tx.readRange(accounts, { first: ['x'] }, { number: int }),
        (tx) => Array.fromAsync(tx.stream(inOrder, { number: int })),
      ];
      for (const statement of statements) {
        const caller = new AbortController();
        let isFirstDone = false;
        const read = db.read(
          async (tx) => {
            await statement(tx);
            isFirstDone = true;
            caller.abort(gone);
            await statement(tx);
          },
          { signal: caller.signal },
        );
        await expect(read).rejects.toBe(gone);
        expect(isFirstDone).toBe(true);
        expect(getEventListeners(caller.signal, 'abort')).toEqual([]);
      }
      expect(await allAccounts(db)).toHaveLength(2);
    });

    test('ends a stream between two rows', async () => {
      const db = await openWithRows(open, 10);
      const caller = new AbortController();
      const numbers: number[] = [];
      const read = db.read(
        async (tx) => {
          for await (const { number } of tx.stream(inOrder, { number: int })) {
            numbers.push(number);
            if (number === 3) caller.abort(gone);
          }
        },
        { signal: caller.signal },
      );
      await expect(read).rejects.toBe(gone);
      expect(numbers).toEqual([0, 1, 2, 3]);
      expect(await allAccounts(db)).toHaveLength(10);
    });

    test('leaves nothing if it never aborts', async () => {
      const db = await openWithRows(open, 1);
      const { signal } = new AbortController();
      const read = await db.read((tx) => tx.query(inOrder, { number: int }), { signal });
      expect(read).toEqual([{ number: 0 }]);
      expect(getEventListeners(signal, 'abort')).toEqual([]);
    });
  });

  describe('a stream', () => {
    test('has all rows, in order', async () => {
      const db = await openWithRows(open);
      const numbers: number[] = [];
      await db.read(async (tx) => {
        for await (const { number } of tx.stream(inOrder, { number: int })) numbers.push(number);
      });
      expect(numbers).toEqual(Array.from({ length: ROWS }, (_, number) => number));
    });

    test('of no rows ends at once', async () => {
      const db = await open();
      await db.read(async (tx) => {
        for await (const row of tx.stream(inOrder, { number: int })) expect.fail(String(row));
      });
    });

    test('that is left early releases its transaction', async () => {
      const db = await openWithRows(open);
      for (const left of [1, 250]) {
        const count = await db.read(async (tx) => {
          for await (const { number } of tx.stream(inOrder, { number: int })) {
            if (number === left) break;
          }
          const [row] = await tx.query(sql`SELECT COUNT(*) AS n FROM ${accounts}`, { n: int });
          return row?.n;
        });
        expect(count).toBe(ROWS);
      }
    });

    test('ends, with its transaction, if its reader throws', async () => {
      const db = await openWithRows(open);
      const error = new Error('enough');
      const read = db.read(async (tx) => {
        for await (const { number } of tx.stream(inOrder, { number: int })) {
          if (number === 3) throw error;
        }
      });
      await expect(read).rejects.toBe(error);
      expect(await allAccounts(db)).toHaveLength(ROWS);
    });

    test('takes parameters, and also works in a transaction with writes', async () => {
      const db = await openWithRows(open, 300);
      await db.write(async (tx) => {
        const query = sql`SELECT number FROM ${accounts} WHERE number >= ${200}`;
        for await (const { number } of tx.stream(query, { number: int })) {
          await tx.update(accounts, [{ owner: 'x', number, balance: 1 }]);
        }
      });
      const rows = await allAccounts(db);
      expect(rows.filter(({ balance }) => balance === 1)).toHaveLength(100);
    });
  });

  describe('the dialect', () => {
    test('finds values among the elements of a list', async () => {
      const db = await open();
      await db.write((tx) =>
        tx.insert(
          accounts,
          ['a', 'b', 'c'].map((owner) => ({ owner, number: 1, balance: 0 })),
        ),
      );
      const among = (owners: string[]): Promise<{ owner: string }[]> =>
        db.read((tx) => {
          const match = tx.dialect.isAnyOf(raw('owner'), textArray(owners));
          const query = sql`SELECT owner FROM ${accounts} WHERE ${match} ORDER BY owner`;
          return tx.query(query, { owner: text });
        });
      expect(await among(['c', 'a', 'nobody'])).toEqual([{ owner: 'a' }, { owner: 'c' }]);
      expect(await among([])).toEqual([]);
    });

    test('continues after a key of several columns', async () => {
      const db = await open();
      const keys = ['a 1', 'a 2', 'b 1', 'b 2'].map((key) => key.split(' '));
      await db.write((tx) =>
        tx.insert(
          accounts,
          keys.map(([owner = '', number]) => ({ owner, number: Number(number), balance: 0 })),
        ),
      );
      const rows = await db.read((tx) => {
        const columns = [raw('owner'), raw('number')];
        const after = tx.dialect.isAfterKey(columns, [text('a'), int(2)]);
        const query = sql`SELECT owner, number FROM ${accounts} WHERE ${after} ORDER BY ${join(columns)}`;
        return tx.query(query, { owner: text, number: int });
      });
      expect(rows.map(({ owner, number }) => `${owner} ${number}`)).toEqual(['b 1', 'b 2']);
    });

    test('orders text by its bytes if asked to', async () => {
      const db = await open();
      const owners = ['_', 'B', 'a', 'b', 'é', '\u{ff5e}', '\u{1f600}'];
      await db.write((tx) =>
        tx.insert(
          accounts,
          owners.toReversed().map((owner) => ({ owner, number: 0, balance: 0 })),
        ),
      );
      const rows = await db.read((tx) => {
        const order = tx.dialect.inByteOrder(raw('owner'));
        return tx.query(sql`SELECT owner FROM ${accounts} ORDER BY ${order}`, { owner: text });
      });
      expect(rows.map(({ owner }) => owner)).toEqual([
        'B',
        '_',
        'a',
        'b',
        'é',
        '\u{ff5e}',
        '\u{1f600}',
      ]);
    });
  });
}
