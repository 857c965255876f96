import { int, sql } from '@postlude/queue/storage';
import { describe, expect, test } from 'vitest';
import { accounts, balanceOf, type OpenSuiteDatabase } from './suite-tables.ts';

const ada = { owner: 'ada', number: 1, balance: 100 };

export function testCallbacks(open: OpenSuiteDatabase): void {
  describe('afterCommit', () => {
    test('calls the newest first, when the commit is visible', async () => {
      const db = await open();
      const calls: string[] = [];
      await db.write(async (tx) => {
        tx.afterCommit(async () => {
          calls.push(`first, sees ${await balanceOf(db, 'ada')}`);
        });
        await tx.insert(accounts, [ada]);
        tx.afterCommit(() => void calls.push('second'));
      });
      expect(calls).toEqual(['second', 'first, sees 100']);
    });

    test('a callback that fails affects neither the caller nor other callbacks', async () => {
      const db = await open();
      const calls: string[] = [];
      const answer = await db.write(async (tx) => {
        tx.afterCommit(() => void calls.push('called'));
        tx.afterCommit(() => Promise.reject(new Error('rejected')));
        tx.afterCommit(() => {
          throw new Error('thrown');
        });
        await tx.insert(accounts, [ada]);
        return 'answer';
      });
      expect(answer).toBe('answer');
      expect(calls).toEqual(['called']);
    });

    test('is not called after a rollback, by the function or by the commit', async () => {
      const db = await open();
      const calls: string[] = [];
      const thrown = db.write(async (tx) => {
        tx.afterCommit(() => void calls.push('thrown'));
        throw new Error('no');
      });
      await expect(thrown).rejects.toThrow('no');
      const refused = db.write(async (tx) => {
        tx.afterCommit(() => void calls.push('refused'));
        await tx.update(accounts, [ada]);
      });
      await expect(refused).rejects.toMatchObject({ code: 'not-found' });
      expect(calls).toEqual([]);
    });

    test('is called once, however often the transaction had to run', async () => {
      const db = await open();
      await db.write((tx) => tx.insert(accounts, [ada]));
      const calls: number[] = [];
      await Promise.all(
        Array.from({ length: 6 }, (_, writer) =>
          db.write(async (tx) => {
            tx.afterCommit(() => void calls.push(writer));
            const query = sql`SELECT balance FROM ${accounts}`;
            const [row] = await tx.query(query, { balance: int });
            await tx.update(accounts, [{ ...ada, balance: (row?.balance ?? 0) + 1 }]);
          }),
        ),
      );
      expect(calls.sort()).toEqual([0, 1, 2, 3, 4, 5]);
    });
  });

  describe('a transaction inside a transaction', () => {
    const query = sql`SELECT 1 AS one`;
    const one = { one: int };

    test('is refused, for all kinds', async () => {
      const db = await open();
      const refusal = /inside a transaction/;
      const outer = [
        (fn: () => Promise<unknown>) => db.read(fn),
        (fn: () => Promise<unknown>) => db.write(fn),
      ];
      const inner = [
        () => db.read((tx) => tx.query(query, one)),
        () => db.write(async () => undefined),
        () => db.statement(query, one),
        () => db.serverTime(),
        () => db.notifications.notify('a', 'x'),
      ];
      for (const outside of outer) {
        for (const inside of inner) await expect(outside(inside)).rejects.toThrow(refusal);
      }
    });

    test('work that a transaction started may begin other transactions after it has ended', async () => {
      const db = await open();
      let end: () => void = () => undefined;
      const ended = new Promise<void>((resolve) => {
        end = resolve;
      });
      let started: Promise<unknown> = Promise.resolve();
      await db.write(async () => {
        started = ended.then(() => db.read((tx) => tx.query(query, one)));
      });
      end();
      expect(await started).toEqual([{ one: 1 }]);
    });
  });
}
