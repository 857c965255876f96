import { Faults } from '@postlude/queue/testing';
import { describe, expect, test } from 'vitest';
import { eachDatabase, type OpenDatabase } from '../../test/support/databases/databases.ts';
import { SqliteDatabase } from '../../test/support/databases/sqlite-database.ts';
import { violationsOf } from '../../test/support/invocations/finalization-violations.ts';
import {
  FINALIZATION_TABLES,
  FinalizationWorld,
  TRY_WAYS,
  type TryWay,
} from '../../test/support/invocations/finalization-world.ts';
import { invocationId } from '../../test/support/invocations/fixtures.ts';
import { type InvocationId, toRowId } from '../invocations/id.ts';
import { invocations } from '../invocations/table.ts';
import { type Bounds, DEFAULT_BOUNDS } from './bounds.ts';
import { tryFinalize } from './finalizer.ts';
import { startFinalization } from './schedule.ts';

const id = invocationId;
const [A, B, C] = [id('a'), id('b'), id('c')];
type Graph = Readonly<Record<string, readonly string[]>>;

interface Place {
  readonly open: OpenDatabase;
  readonly way: TryWay;
}

async function openWorld({ open, way }: Place, graph: Graph, bounds?: Bounds) {
  const world = new FinalizationWorld(await open(), { bounds, way });
  await world.create(Object.keys(graph).map(id));
  for (const [including, included] of Object.entries(graph)) {
    await world.include(id(including), included.map(id));
  }
  return world;
}

async function stateOf(world: FinalizationWorld, which: InvocationId) {
  return (await world.snapshot()).nodes.get(which)?.state;
}

async function startAll(world: FinalizationWorld, ids: readonly InvocationId[]): Promise<void> {
  for (const each of ids) await world.start(each);
}

/** Runs tries until none is left, and returns how many there were. */
async function settle(world: FinalizationWorld): Promise<number> {
  let count = 0;
  for (let tries = await world.tries(); tries.length > 0; tries = await world.tries()) {
    for (const pending of tries) {
      await world.run(pending);
      count++;
    }
    expect(violationsOf(await world.snapshot())).toEqual([]);
  }
  return count;
}

/**
 * The ways differ in what they write, not in how they write it; in memory all of them are quick.
 */
describe.each(TRY_WAYS)('in memory, tried by: %s', (way) => {
  testFinalizer({ open: () => Promise.resolve(new SqliteDatabase(FINALIZATION_TABLES)), way });
});

eachDatabase((open) => testFinalizer({ open, way: 'flipping' }));

function testFinalizer(place: Place): void {
  describe('readiness', () => {
    test('finalizes an invocation that includes nothing', async () => {
      const world = await openWorld(place, { a: [] });
      await world.start(A);
      expect(await tryFinalize(world.parts, A)).toBe('finalized');
      expect(await stateOf(world, A)).toBe('FINALIZED');
    });

    test('reads inclusions unless the start of finalization has seen that there are none', async () => {
      const world = await openWorld(place, { a: [], b: ['a'] });
      const stepsOf = async (which: InvocationId): Promise<readonly string[]> => {
        const faults = new Faults();
        await tryFinalize({ ...world.parts, db: faults.wrap(world.db) }, which);
        return faults.steps;
      };
      await world.start(A);
      expect(await stepsOf(A)).not.toContain('read included_invocations');
      await world.db.write((tx) => startFinalization(world.parts, tx, { id: B }));
      expect(await stepsOf(B)).toContain('read included_invocations');
      expect(await stateOf(world, B)).toBe('FINALIZED');
    });

    test('leaves alone an invocation that its owner has not finalized', async () => {
      const world = await openWorld(place, { a: [] });
      expect(await tryFinalize(world.parts, A)).toBe('idle');
      expect(await stateOf(world, A)).toBe('ACTIVE');
    });

    test('leaves alone an invocation that does not exist', async () => {
      const world = await openWorld(place, {});
      expect(await tryFinalize(world.parts, A)).toBe('idle');
    });

    test.each([
      ['two ACTIVE ones', { a: ['b', 'c'], b: [], c: [] }, [], []],
      ['an ACTIVE one and a FINALIZED one', { a: ['b', 'c'], b: [], c: [] }, [C], []],
      ['an ACTIVE one and a FINALIZING one', { a: ['b', 'c'], b: [], c: ['b'] }, [], [C]],
      ['a FINALIZING one that includes an ACTIVE one', { a: ['c'], b: [], c: ['b'] }, [], [C]],
    ])('waits for %s', async (_, graph: Graph, finalized, finalizing) => {
      const world = await openWorld(place, graph);
      await startAll(world, finalized);
      await settle(world);
      await startAll(world, [...finalizing, A]);
      expect(await tryFinalize(world.parts, A)).toBe('waiting');
      expect(await stateOf(world, A)).toBe('FINALIZING');
    });

    test.each([
      ['itself', { a: ['a'] }],
      ['one that includes it', { a: ['b'], b: ['a'] }],
      ['one that reaches it', { a: ['b'], b: ['c'], c: ['a'] }],
    ])('finalizes one that includes %s, with the whole cycle', async (_, graph: Graph) => {
      const world = await openWorld(place, graph);
      await startAll(world, Object.keys(graph).map(id));
      await settle(world);
      const { nodes } = await world.snapshot();
      expect(new Set([...nodes.values()].map(({ state }) => state))).toEqual(
        new Set(['FINALIZED']),
      );
    });

    test('an ACTIVE invocation that a cycle reaches holds up the whole cycle', async () => {
      const world = await openWorld(place, { a: ['b'], b: ['a', 'c'], c: [] });
      await startAll(world, [A, B]);
      await settle(world);
      expect([await stateOf(world, A), await stateOf(world, B)]).toEqual([
        'FINALIZING',
        'FINALIZING',
      ]);
      await world.start(C);
      await settle(world);
      expect(await stateOf(world, A)).toBe('FINALIZED');
      expect(await stateOf(world, B)).toBe('FINALIZED');
    });

    test('an included invocation that has been deleted counts as finished', async () => {
      const world = await openWorld(place, { a: ['b'], b: [] });
      await world.db.write((tx) => tx.delete(invocations, [{ invocationId: toRowId(B) }]));
      await world.start(A);
      expect(await tryFinalize(world.parts, A)).toBe('finalized');
    });
  });

  describe('after the decision', () => {
    test('enqueues one export task for each export, in the same transaction', async () => {
      const world = await openWorld(place, { a: [] });
      await world.start(A);
      expect((await world.snapshot()).exports).toEqual([]);
      await tryFinalize(world.parts, A);
      expect((await world.snapshot()).exports).toEqual([A]);
    });

    test('enqueues nothing when tried again', async () => {
      const world = await openWorld(place, { a: [] });
      await world.start(A);
      await tryFinalize(world.parts, A);
      const before = await world.snapshot();
      expect(await tryFinalize(world.parts, A)).toBe('idle');
      expect(await world.snapshot()).toEqual(before);
    });

    test('wakes the invocations that wait for it, and no others', async () => {
      const bounds = { ...DEFAULT_BOUNDS, cascade: 0 };
      const world = await openWorld(place, { a: ['c'], b: ['c', 'd'], c: [], d: [] }, bounds);
      await startAll(world, [A, B]);
      await settle(world);
      const waitsFor = (await world.snapshot()).nodes.get(B)?.blocker ?? A;
      await world.start(waitsFor);
      await tryFinalize(world.parts, waitsFor);
      const woken = (await world.tries()).map((task) => task.id);
      expect(woken).toContain(B);
      expect(woken.includes(A)).toBe(waitsFor === C);
    });

    test('wakes very many waiters in several transactions', async () => {
      const bounds = { ...DEFAULT_BOUNDS, wakes: 10 };
      const waiters = Array.from({ length: 95 }, (_, index) => `w${index}`);
      const graph = Object.fromEntries([['a', []], ...waiters.map((w) => [w, ['a']])]);
      const world = await openWorld(place, graph, bounds);
      await startAll(world, waiters.map(id));
      await settle(world);
      await world.start(A);
      await tryFinalize(world.parts, A);
      const { nodes } = await world.snapshot();
      const waiting = [...nodes.values()].filter(({ blocker }) => blocker === A);
      expect(waiting.length).toBe(95 - 11);
      await settle(world);
      const after = await world.snapshot();
      expect([...after.nodes.values()].every(({ state }) => state === 'FINALIZED')).toBe(true);
    });
  });

  test('a parent of many is tried about ln n times', async () => {
    const children = Array.from({ length: 200 }, (_, index) => `c${index}`);
    const world = await openWorld(place, {
      a: children,
      ...Object.fromEntries(children.map((child) => [child, []])),
    });
    await world.start(A);
    await settle(world);
    let triesOfParent = 0;
    for (const child of children) {
      await world.start(id(child));
      for (const pending of await world.tries()) {
        if (pending.id !== A) await world.run(pending);
      }
      for (const pending of await world.tries()) {
        triesOfParent++;
        await world.run(pending);
      }
    }
    expect(await stateOf(world, A)).toBe('FINALIZED');
    expect(triesOfParent).toBeLessThanOrEqual(20); // ln 200 is 5.3
  });

  // `none` is an id like any other.
  test.each(['d', 'none'])(
    'looks at more inclusions than one transaction may: for %s',
    async (last) => {
      const children = Array.from({ length: 150 }, (_, index) => `c${index}`);
      const world = await openWorld(place, {
        a: [...children, last],
        [last]: [],
        ...Object.fromEntries(children.map((child) => [child, []])),
      });
      await startAll(world, children.map(id));
      await settle(world);
      await world.start(A);
      expect(await tryFinalize(world.parts, A)).toBe('waiting');
      expect((await world.snapshot()).nodes.get(A)?.blocker).toBe(id(last));
      await world.start(id(last));
      await settle(world);
      expect(await stateOf(world, A)).toBe('FINALIZED');
    },
  );
}
