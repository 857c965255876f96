/** Tries in groups: how many transactions they take, and what becomes of conflicts. */
import { Dispatcher, TaskQueue } from '@postlude/queue';
import { CodedError } from '@postlude/queue/foundations';
import { type Database, MAX_MUTATIONS, type Transaction } from '@postlude/queue/storage';
import { describe, expect, test } from 'vitest';
import { eachDatabase } from '../../../test/support/databases/databases.ts';
import { SqliteDatabase } from '../../../test/support/databases/sqlite-database.ts';
import { violationsOf } from '../../../test/support/invocations/finalization-violations.ts';
import {
  FINALIZATION_TABLES,
  FinalizationWorld,
} from '../../../test/support/invocations/finalization-world.ts';
import { invocationId } from '../../../test/support/invocations/fixtures.ts';
import { countWrites } from '../../../test/support/invocations/mutation-meter.ts';
import { withMembers } from '../../../test/support/with-members.ts';
import { setFinalizing, setWaiting } from '../../invocations/finalization-state.ts';
import type { InvocationId } from '../../invocations/id.ts';
import { DEFAULT_BOUNDS } from '../bounds.ts';
import { TRY_FINALIZE_INVOCATION } from '../finalization-tasks.ts';
import { finalizeHandler } from '../handler.ts';

const named = (prefix: string, count: number): InvocationId[] =>
  Array.from({ length: count }, (_, index) => invocationId(`${prefix}${index}`));

/** Counts the transactions that write, and may have some of them fail. */
function counting(db: Database, failIf: (tries: number) => boolean = () => false) {
  const counts = { commits: 0, conflicts: 0 };
  const write: Database['write'] = (fn, options) =>
    db.write(async (tx) => {
      let deleted = 0;
      const counted: Transaction['delete'] = (table, keys) => {
        deleted += keys.length;
        return tx.delete(table, keys);
      };
      const value = await fn(withMembers(tx, { delete: counted }));
      if (failIf(deleted)) {
        counts.conflicts += 1;
        throw new CodedError('conflict', 'another transaction won');
      }
      counts.commits += 1;
      return value;
    }, options);
  return { db: withMembers(db, { write }), counts };
}

async function openCounting(failIf?: (tries: number) => boolean) {
  const database = new SqliteDatabase(FINALIZATION_TABLES);
  const { db, counts } = counting(database, failIf);
  const world = new FinalizationWorld(db);
  const countOf = async (work: () => Promise<void>): Promise<number> => {
    const before = counts.commits;
    await work();
    return counts.commits - before;
  };
  return { world, counts, countOf };
}

async function expectAllFinalized(world: FinalizationWorld): Promise<void> {
  const snapshot = await world.snapshot();
  expect(violationsOf(snapshot)).toEqual([]);
  expect(new Set([...snapshot.nodes.values()].map(({ state }) => state))).toEqual(
    new Set(['FINALIZED']),
  );
}

describe('a group', () => {
  test('decides a star, its parent included, in one transaction', async () => {
    const { world, countOf } = await openCounting();
    const children = named('child', 50);
    const parent = invocationId('parent');
    await world.create([parent, ...children]);
    await world.include(parent, children);
    for (const id of [parent, ...children]) await world.start(id);
    const tries = await world.tries();
    // The second one is that of the world, which completes nothing more.
    expect(await countOf(() => world.runGroup(tries))).toBe(2);
    await expectAllFinalized(world);
    expect(await world.tries()).toEqual([]);
  });

  test('finalizes a chain of 200 in a handful of transactions once its last link is FINALIZED', async () => {
    const { world, countOf } = await openCounting();
    const links = named('link', 200);
    await world.create(links);
    for (const [index, link] of links.slice(0, -1).entries()) {
      await world.include(link, links.slice(index + 1, index + 2));
    }
    for (const link of links.slice(0, -1)) {
      await world.start(link);
      for (const pending of await world.tries()) await world.run(pending);
    }
    for (const link of links.slice(-1)) await world.start(link);
    const commits = await countOf(async () => {
      for (let left = await world.tries(); left.length > 0; left = await world.tries()) {
        await world.runGroup(left);
      }
    });
    expect(commits).toBeLessThanOrEqual(10);
    await expectAllFinalized(world);
  });

  test('has an invocation tried only once that several tasks name', async () => {
    const { world } = await openCounting();
    const id = invocationId('a');
    await world.create([id]);
    await world.start(id);
    const [pending] = await world.tries();
    if (pending === undefined) throw new Error('there is no try');
    await world.runGroup([pending, { ...pending, taskId: 'rescue' }]);
    await expectAllFinalized(world);
  });

  test('writes no more than Spanner accepts, however many wait for it', async () => {
    const meter = countWrites(new SqliteDatabase(FINALIZATION_TABLES));
    const world = new FinalizationWorld(meter.db);
    const blockers = named('blocker', 200);
    const waiters = named('waiter', 1_500);
    await world.create([...blockers, ...waiters]);
    await world.db.write((tx) =>
      setFinalizing(
        tx,
        waiters.map((id) => ({ id })),
        world.clock.now(),
      ),
    );
    await world.db.write((tx) =>
      setWaiting(
        tx,
        waiters.map((id, index) => {
          const blocker = blockers[index % blockers.length];
          return { id, blocker, blockerEnd: blocker, finalizedUpTo: undefined, hasNoneLeft: false };
        }),
      ),
    );
    for (const id of blockers) await world.start(id);
    meter.reset();
    for (let left = await world.tries(); left.length > 0; left = await world.tries()) {
      await world.runGroup(left);
    }
    expect(meter.most).toBeLessThanOrEqual(MAX_MUTATIONS);
    expect(meter.most).toBeGreaterThan(MAX_MUTATIONS / 10);
    await expectAllFinalized(world);
  });
});

describe('a group that conflicts', () => {
  test('is decided in smaller groups, and the next ones are as small', async () => {
    const { world, counts, countOf } = await openCounting((tries) => tries > 3);
    const first = named('first', 8);
    await world.create(first);
    for (const id of first) await world.start(id);
    const tries = await world.tries();
    const commits = await countOf(() => world.runGroup(tries));
    expect(counts.conflicts).toBe(3); // of eight, and of four twice
    expect(commits).toBe(4 + 1);
    await expectAllFinalized(world);
  });

  test('is decided one at a time at last, and then alone', async () => {
    const { world } = await openCounting((tries) => tries > 0 && tries < 9);
    const ids = named('id', 3);
    await world.create(ids);
    for (const id of ids) await world.start(id);
    const tries = await world.tries();
    await world.runGroup(tries).catch((error) => expect(error.code).toBe('conflict'));
    const { nodes } = await world.snapshot();
    expect([...nodes.values()].every(({ state }) => state === 'FINALIZED')).toBe(true);
  });
});

eachDatabase((open) => {
  test('the handler decides in groups what a dispatcher leases, and a wrong task fails alone', async () => {
    const db = await open();
    const world = new FinalizationWorld(db, {
      bounds: { ...DEFAULT_BOUNDS, cascade: 1, inclusions: 1 },
    });
    const ids = named('node', 7);
    await world.create(ids);
    for (const [index, id] of ids.entries()) {
      await world.include(id, [
        ...ids.slice(index + 1, index + 3),
        ...(index === 6 ? ids.slice(5, 6) : []),
      ]);
      await world.start(id);
    }
    const queue = new TaskQueue({ db, clock: world.clock });
    await queue.enqueue([{ type: TRY_FINALIZE_INVOCATION, id: 'wrong' }]);
    const handlers = [finalizeHandler(world.parts)];
    await new Dispatcher({ queue, handlers, clock: world.clock }).runOnce();
    await expectAllFinalized(world);
    expect(await world.tries()).toEqual([]);
  });
});
