import { describe, expect, test } from 'vitest';
import {
  openTestPglite,
  openTestPostgres,
  testPostgresUrl,
  testSchema,
} from '../../../../test/support/databases/databases.ts';
import {
  openPgliteTransactions,
  openPgTransactions,
  openPostgresJsTransactions,
} from '../../../../test/support/databases/user-transactions.ts';
import { MINUTE, openTaskWorld, PLAIN } from '../../../../test/support/tasks/task-world.ts';
import { TaskQueue } from './queue.ts';
import { LocalWakeUp } from './wake-up.ts';

const server = testPostgresUrl() === '' ? [] : (['pg', 'postgres.js'] as const);

describe.each(['PGlite', ...server])('in a transaction of %s', (client) => {
  const begin = {
    PGlite: openPgliteTransactions,
    pg: openPgTransactions,
    'postgres.js': openPostgresJsTransactions,
  }[client];

  async function openWorld() {
    const schema = testSchema();
    const open = client === 'PGlite' ? openTestPglite : openTestPostgres;
    const world = await openTaskWorld(() => open({ schema }));
    if (begin === undefined) throw new Error(`no client ${client}`);
    return { ...world, inTransaction: await begin(schema) };
  }

  test('a task is enqueued if and only if it commits', async () => {
    const { queue, inTransaction, peek } = await openWorld();
    const failing = inTransaction(async (tx) => {
      await queue.enqueue([{ type: PLAIN, id: 'lost' }], tx);
      throw new Error('rolled back');
    });
    await expect(failing).rejects.toThrow('rolled back');
    await inTransaction((tx) => queue.enqueue([{ type: PLAIN, id: 'kept' }], tx));
    expect(await peek()).toEqual(['kept']);
  });

  test('a duplicate is reported, and aborts nothing', async () => {
    const { queue, enqueue, inTransaction, peek } = await openWorld();
    await enqueue('a');
    const outcomes = await inTransaction(async (tx) => [
      await queue.enqueue(named('a', 'b'), tx),
      await queue.enqueue(named('b', 'c'), tx),
    ]);
    expect(outcomes).toEqual([
      ['duplicate', 'enqueued'],
      ['duplicate', 'enqueued'],
    ]);
    expect(await peek()).toEqual(['a', 'b', 'c']);
  });

  test('bad input is refused before anything is written', async () => {
    const { queue, inTransaction, peek } = await openWorld();
    await inTransaction(async (tx) => {
      const wrong = queue.enqueue(named('a', ''), tx);
      await expect(wrong).rejects.toMatchObject({ code: 'invalid-argument' });
      await queue.enqueue(named('b'), tx);
    });
    expect(await peek()).toEqual(['b']);
  });

  test('a task is completed together with other writes, or not at all', async () => {
    const { queue, enqueue, lease, inTransaction, living } = await openWorld();
    await enqueue('a');
    const held = await lease('a');
    const failing = inTransaction(async (tx) => {
      await queue.enqueue(named('effect'), tx);
      await queue.complete(held, tx);
      throw new Error('rolled back');
    });
    await expect(failing).rejects.toThrow('rolled back');
    expect((await living()).map(({ id }) => id)).toEqual(['a']);
    await inTransaction(async (tx) => {
      await queue.enqueue(named('effect'), tx);
      await queue.complete(held, tx);
    });
    expect((await living()).map(({ id }) => id)).toEqual(['effect']);
  });

  test('a worker that lost its lease is told so, and its writes are rolled back', async () => {
    const { queue, clock, enqueue, lease, inTransaction, living } = await openWorld();
    await enqueue('a');
    const stale = await lease('a');
    clock.advance(MINUTE);
    await lease('a');
    const late = inTransaction(async (tx) => {
      await queue.enqueue(named('effect'), tx);
      await queue.complete(stale, tx);
    });
    await expect(late).rejects.toMatchObject({ code: 'lease-lost' });
    expect((await living()).map(({ id }) => id)).toEqual(['a']);
  });

  test('dispatchers are woken once the user reports the commit', async () => {
    const { db, clock, inTransaction } = await openWorld();
    const wakeUp = new LocalWakeUp();
    const woken: string[] = [];
    wakeUp.subscribe(['plain'], () => void woken.push('woken'));
    const queue = new TaskQueue({ db, clock, wakeUp });
    await inTransaction(async (tx) => {
      await queue.enqueue(named('a'), tx);
      expect(woken).toEqual([]);
    });
    expect(woken).toEqual(['woken']);
  });
});

function named(...ids: string[]) {
  return ids.map((id) => ({ type: PLAIN, id }));
}
