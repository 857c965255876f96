import { TaskQueue } from '@postlude/queue';
import type { Clock } from '@postlude/queue/foundations';
import type { Database } from '@postlude/queue/storage';
import { FakeClock, forEachCrash } from '@postlude/queue/testing';
import { expect, test } from 'vitest';
import { eachDatabase, openTestPglite } from '../../test/support/databases/databases.ts';
import { invocationId as id, newInvocation } from '../../test/support/invocations/fixtures.ts';
import { TRY_FINALIZE_INVOCATION } from '../finalizer/finalization-tasks.ts';
import { startFinalization } from '../finalizer/schedule.ts';
import type { InvocationId } from '../invocations/id.ts';
import { toRowId, toRowOrder } from '../invocations/id.ts';
import type { NewInvocation } from '../invocations/invocation.ts';
import {
  insertInvocations,
  requireInvocation,
  updateInvocation,
} from '../invocations/invocations.ts';
import { testResultsPage } from '../results/test-results.ts';
import { type Ended, endOverdue } from './enforcer.ts';

const MINUTE = 60_000;

function worldOf(db: Database) {
  const clock = new FakeClock();
  const queue = new TaskQueue({ db, clock });
  const ended: Ended[] = [];
  const parts = { db, clock, queue };
  return {
    db,
    clock,
    parts,
    ended,
    create: (name: string, given: Partial<NewInvocation> = {}) =>
      db.write((tx) =>
        insertInvocations(tx, [
          newInvocation(name, { deadline: clock.now() + 10 * MINUTE, ...given }),
        ]),
      ),
    enforce: (options = {}) =>
      endOverdue(parts, { onEnded: (each) => ended.push(each), ...options }),
    read: (name: string) => db.read((reader) => requireInvocation(reader, id(name))),
    results: async (name: string) => {
      const rowIds = toRowOrder([id(name) as InvocationId]);
      const { items } = await testResultsPage(db, { rowIds, limit: 10 });
      return items;
    },
  };
}

eachDatabase((open) => {
  test('ends each overdue invocation once, and no other', async () => {
    const { clock, create, ended, enforce, read, results } = worldOf(await open());
    await create('overdue');
    await create('early', { deadline: clock.now() + 20 * MINUTE });
    clock.advance(10 * MINUTE + 5);
    expect([await enforce(), await enforce()]).toEqual([1, 0]);
    expect(await read('overdue')).toMatchObject({ state: 'FINALIZING', endedBy: 'DEADLINE' });
    expect(await read('early')).toMatchObject({ state: 'ACTIVE', endedBy: undefined });
    expect(ended).toMatchObject([{ cause: 'DEADLINE', delayMs: 5, invocation: { id: 'overdue' } }]);
    expect(await results('overdue')).toMatchObject([
      { testId: 'postlude/invocation', resultId: 'deadline', expected: false, status: 'ABORT' },
    ]);
    expect(await results('early')).toEqual([]);
  });

  test('distinguishes a silent recorder, one that never appeared, and a deadline', async () => {
    const { clock, create, enforce, read } = worldOf(await open());
    const endsAt = clock.now() + MINUTE;
    await create('lost', { endsAt, lostAfterMs: MINUTE, recorder: 'r' });
    await create('missing', { endsAt, isExpected: true });
    await create('late', { endsAt, deadline: endsAt, lostAfterMs: MINUTE });
    clock.advance(MINUTE);
    expect(await enforce()).toBe(3);
    expect((await read('lost')).endedBy).toBe('LOST');
    expect((await read('missing')).endedBy).toBe('NEVER_APPEARED');
    expect((await read('late')).endedBy).toBe('DEADLINE');
  });

  test('acts on the latest heartbeat of a recorder and the latest deadline of an owner', async () => {
    const { clock, create, db, enforce, read } = worldOf(await open());
    await create('alive', { endsAt: clock.now() + MINUTE, lostAfterMs: MINUTE });
    await create('extended');
    await db.write((tx) => updateInvocation(tx, id('alive'), { endsAt: clock.now() + 2 * MINUTE }));
    await db.write((tx) =>
      updateInvocation(tx, id('extended'), { deadline: clock.now() + 30 * MINUTE }),
    );
    clock.advance(MINUTE);
    expect(await enforce()).toBe(0);
    clock.advance(2 * MINUTE);
    expect(await enforce()).toBe(1);
    clock.advance(15 * MINUTE);
    expect(await enforce()).toBe(0);
    expect((await read('alive')).endedBy).toBe('LOST');
    expect((await read('extended')).state).toBe('ACTIVE');
  });

  test('continues from page to page, and from batch to batch', async () => {
    const { clock, create, ended, enforce } = worldOf(await open());
    for (let number = 0; number < 7; number++) await create(`i${number}`);
    clock.advance(10 * MINUTE);
    expect(await enforce({ pageRows: 3, batchRows: 2 })).toBe(7);
    expect(new Set(ended.map(({ invocation }) => invocation.id)).size).toBe(7);
  });

  test('ends each invocation once if two processes enforce at the same time', async () => {
    const { clock, create, ended, enforce } = worldOf(await open());
    for (let number = 0; number < 9; number++) await create(`i${number}`);
    clock.advance(10 * MINUTE);
    const options = { pageRows: 4, batchRows: 2 };
    await Promise.all([enforce(options), enforce(options)]);
    await enforce(options);
    expect(ended.map(({ invocation }) => invocation.id).toSorted()).toEqual(
      Array.from({ length: 9 }, (_, number) => `i${number}`),
    );
  });
});

test('ends nothing that another enforcer has ended since it looked', async () => {
  const { clock, create, db, ended, enforce, parts } = worldOf(await openTestPglite());
  for (let number = 0; number < 6; number++) await create(`i${number}`);
  clock.advance(10 * MINUTE);
  let others = 0;
  const slow: Database = Object.assign(Object.create(db), {
    dialect: db.dialect,
    read: db.read.bind(db),
    write: async (fn: Parameters<Database['write']>[0]) => {
      others += await enforce({ batchRows: 2 });
      return await db.write(fn);
    },
  });
  const mine: Ended[] = [];
  const onEnded = (each: Ended) => mine.push(each);
  expect(await endOverdue({ ...parts, db: slow }, { batchRows: 2, onEnded })).toBe(0);
  expect({ others, told: ended.length, mine }).toEqual({ others: 6, told: 6, mine: [] });
});

test('ends the batches of a page in a random order, so that two processes seldom collide', async () => {
  const { clock, create, ended, enforce } = worldOf(await openTestPglite());
  for (let number = 0; number < 6; number++) await create(`i${number}`);
  clock.advance(10 * MINUTE);
  await enforce({ batchRows: 1, random: () => 0.99 });
  const order = ended.map(({ invocation }) => toRowId(invocation.id));
  expect(order).toHaveLength(6);
  expect(order).toEqual(order.toSorted().reverse());
});

test('rests five times as long as a batch took if pages are full, and not if few are overdue', async () => {
  const { clock, create, parts } = worldOf(await openTestPglite());
  for (let number = 0; number < 5; number++) await create(`i${number}`);
  clock.advance(10 * MINUTE);
  let passed = 0;
  const rests: number[] = [];
  const timed: Clock = {
    now: () => clock.now(),
    monotonicMs: () => (passed += 10),
    sleep: async (ms) => void rests.push(ms),
  };
  expect(await endOverdue({ ...parts, clock: timed }, { pageRows: 4, batchRows: 2 })).toBe(5);
  expect(rests).toEqual([50, 50]);
});

test('leaves an invocation alone if its owner was quicker', async () => {
  const { clock, create, db, enforce, parts, read, results } = worldOf(await openTestPglite());
  await create('a');
  clock.advance(10 * MINUTE);
  await db.write((tx) => startFinalization(parts, tx, { id: id('a') }));
  expect(await enforce()).toBe(0);
  expect((await read('a')).endedBy).toBeUndefined();
  expect(await results('a')).toEqual([]);
});

test('stops after the batch that is under way', async () => {
  const { clock, create, enforce } = worldOf(await openTestPglite());
  const stopping = new AbortController();
  for (let number = 0; number < 6; number++) await create(`i${number}`);
  clock.advance(10 * MINUTE);
  const onEnded = () => stopping.abort();
  expect(await enforce({ batchRows: 2, signal: stopping.signal, onEnded })).toBe(2);
  expect(await enforce()).toBe(4);
});

test('the next pass makes up for one that dies at any step', async () => {
  const world = worldOf(await openTestPglite());
  const { clock, db, parts } = world;
  let scenario = 0;
  const steps = await forEachCrash(async (faults) => {
    const names = ['a', 'b', 'c'].map((name) => `${name}${scenario}`);
    scenario += 1;
    for (const name of names) await world.create(name);
    clock.advance(10 * MINUTE);
    const pages = { pageRows: 2, batchRows: 1 };
    await faults.run(() => endOverdue({ ...parts, db: faults.wrap(db) }, pages));
    await endOverdue(parts, pages);
    for (const name of names) {
      expect(await world.read(name)).toMatchObject({ state: 'FINALIZING', endedBy: 'DEADLINE' });
      expect(await world.results(name)).toHaveLength(1);
    }
    const tries = await parts.queue.leaseDue(TRY_FINALIZE_INVOCATION.name, 10, MINUTE);
    expect(tries).toHaveLength(names.length);
    await parts.queue.completeAll(tries);
  });
  expect(steps).toBeGreaterThan(10);
});
