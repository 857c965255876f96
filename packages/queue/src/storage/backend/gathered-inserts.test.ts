import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, test } from 'vitest';
import { CodedError } from '../../foundations/errors.ts';
import { int, text } from '../column.ts';
import type { AnyRow } from '../key.ts';
import { table } from '../table.ts';
import { GatheredInserts } from './gathered-inserts.ts';

const letters = table('letters', { id: int, words: text }, ['id']);
const letter = (id: number, words = '') => ({ id, words });

type Step = (rows: readonly AnyRow[]) => Promise<AnyRow[]>;

const insertAll: Step = async (rows) => [...rows];

/** Inserts by the given steps, and records whose rows were inserted together and which alone. */
function openInserts({ together = insertAll, alone = insertAll } = {}) {
  const ran: string[] = [];
  const recorded = (name: string, step: Step) => (_: unknown, rows: readonly AnyRow[]) => {
    ran.push(`${name} ${rows.map(({ id }) => id).join()}`);
    return step(rows);
  };
  const inserts = new GatheredInserts({
    together: recorded('together', together),
    alone: recorded('alone', alone),
  });
  return {
    ran,
    insert: (...ids: number[]) =>
      inserts.insert(
        letters,
        ids.map((id) => letter(id)),
      ),
    inserts,
  };
}

describe('inserts that are gathered', () => {
  test('while a commit is under way go together into the next one', async () => {
    const commits = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let begun = 0;
    const beginnings = commits.map(() => Promise.withResolvers<void>());
    const { ran, insert } = openInserts({
      together: async (rows) => {
        const number = begun++;
        beginnings[number]?.resolve();
        await commits[number]?.promise;
        return [...rows];
      },
    });
    const first = insert(1);
    await beginnings[0]?.promise;
    const others = [insert(2), insert(3, 4)];
    commits[0]?.resolve();
    expect(await first).toEqual([letter(1)]);
    await beginnings[1]?.promise;
    const answered: number[] = [];
    for (const other of others) void other.then((rows) => answered.push(rows.length));
    await new Promise(setImmediate);
    expect(answered).toEqual([]); // not before their own commit
    commits[1]?.resolve();
    expect(await Promise.all(others)).toEqual([[letter(2)], [letter(3), letter(4)]]);
    expect(ran).toEqual(['together 1', 'together 2,3,4']);
  });

  test('have their own outcomes, also for one row that several calls share', async () => {
    const taken = new Set([2, 3]);
    const { inserts } = openInserts({
      together: async (rows) =>
        rows.filter(({ id }) => !taken.has(Number(id)) && taken.add(Number(id))),
    });
    const shared = letter(9);
    const calls = [[letter(1), letter(2)], [letter(3)], [shared], [shared, letter(4)]];
    const added = await Promise.all(calls.map((rows) => inserts.insert(letters, rows)));
    expect(added.map((rows) => rows.map(({ id }) => id))).toEqual([[1], [], [9], [4]]);
  });

  test('are inserted alone if together they fail, and then fail alone', async () => {
    const refuse: Step = async (rows) => {
      if (rows.some(({ id }) => id === 2)) throw new CodedError('invalid-argument', 'two');
      return [...rows];
    };
    const { ran, insert } = openInserts({ together: refuse, alone: refuse });
    const outcomes = await Promise.allSettled([insert(1), insert(2), insert(3)]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(ran).toEqual(['together 1,2,3', 'alone 1', 'alone 2', 'alone 3']);
  });

  test('are not inserted again if nobody knows whether they were', async () => {
    const unknown = new CodedError('outcome-unknown', 'lost');
    const { ran, insert } = openInserts({ together: () => Promise.reject(unknown) });
    const outcomes = await Promise.allSettled([insert(1), insert(2)]);
    expect(outcomes).toEqual([unknown, unknown].map((reason) => ({ status: 'rejected', reason })));
    expect(ran).toEqual(['together 1,2']);
  });

  test('wait for no call that inserts its rows alone', async () => {
    const stuck = Promise.withResolvers<AnyRow[]>();
    const { insert } = openInserts({
      together: async (rows) => {
        if (rows.some(({ id }) => id === 1)) throw new CodedError('conflict', 'locked');
        return [...rows];
      },
      alone: (rows) => (rows[0]?.id === 1 ? stuck.promise : insertAll(rows)),
    });
    const first = insert(1);
    expect(await insert(2)).toEqual([letter(2)]);
    stuck.resolve([letter(1)]);
    expect(await first).toEqual([letter(1)]);
  });

  test('are inserted alone if they are large, or if the caller wants that', async () => {
    const { ran, insert, inserts } = openInserts();
    const many = Array.from({ length: 17 }, (_, id) => id);
    await Promise.all([
      insert(...many),
      inserts.insert(letters, [letter(20, 'x'.repeat(100_000))]),
      inserts.insert(letters, [letter(21)], { gather: false }),
    ]);
    expect(ran).toEqual([`alone ${many.join()}`, 'alone 20', 'alone 21']);
  });

  test('do not run in the context of the call that came first', async () => {
    const storage = new AsyncLocalStorage<string>();
    const contexts: (string | undefined)[] = [];
    const { insert } = openInserts({
      together: async (rows) => {
        contexts.push(storage.getStore());
        return [...rows];
      },
    });
    await storage.run('first caller', () => insert(1));
    expect(contexts).toEqual([undefined]);
  });
});
