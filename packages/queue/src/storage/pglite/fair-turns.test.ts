import { expect, test } from 'vitest';
import { fromPglite } from './database.ts';
import { FairTurns } from './fair-turns.ts';
import type { PgliteLike } from './session.ts';

/** Asks for a turn for each name, and returns in which order they had them. */
async function order(names: readonly string[]): Promise<string[]> {
  const turns = new FairTurns();
  const served: string[] = [];
  await Promise.all(names.map((name) => turns.run(name, async () => void served.push(name))));
  return served;
}

test('a caller waits for one transaction of each other one', async () => {
  const served = await order(['a', 'a', 'a', 'a', 'b', 'c', 'b']);
  expect(served).toEqual(['a', 'a', 'b', 'c', 'a', 'b', 'a']);
});

test('what fails passes the turn on, and nothing runs beside it', async () => {
  const turns = new FairTurns();
  let running = 0;
  const run = (fails: boolean) =>
    turns.run('a', async () => {
      running += 1;
      expect(running).toBe(1);
      await Promise.resolve();
      running -= 1;
      if (fails) throw new Error('planted');
    });
  const ended = await Promise.allSettled([run(true), run(false), run(true), run(false)]);
  const kinds = ended.map(({ status }) => status);
  expect(kinds).toEqual(['rejected', 'fulfilled', 'rejected', 'fulfilled']);
});

/** An instance without a database. */
function instanceOf(): PgliteLike {
  const none = async () => ({ rows: [], fields: [] });
  const queries = { query: none, exec: none };
  return {
    ...queries,
    closed: false,
    transaction: (fn) => fn(queries),
    close: async () => undefined,
  };
}

test('the database serves transactions by callers, and all of them before it is closed', async () => {
  let caller = 'attacker';
  const db = fromPglite(instanceOf(), { callerOf: () => caller });
  const served: string[] = [];
  const ask = async (): Promise<void> => {
    const name = caller;
    await db.read(async () => void served.push(name));
  };
  const asked = Array.from({ length: 4 }, ask);
  caller = 'honest';
  asked.push(ask());
  await db.close();
  expect(served).toEqual(['attacker', 'attacker', 'honest', 'attacker', 'attacker']);
  await Promise.all(asked);
});
