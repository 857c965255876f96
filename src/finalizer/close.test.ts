/** Closed sets that one transaction cannot write. */

import { MAX_MUTATIONS } from '@postlude/queue/storage';
import { describe, expect, test } from 'vitest';
import { eachDatabase, type OpenDatabase } from '../../test/support/databases/databases.ts';
import { SqliteDatabase } from '../../test/support/databases/sqlite-database.ts';
import { violationsOf } from '../../test/support/invocations/finalization-violations.ts';
import {
  FINALIZATION_TABLES,
  FinalizationWorld,
  TIGHT_BOUNDS,
} from '../../test/support/invocations/finalization-world.ts';
import { invocationId } from '../../test/support/invocations/fixtures.ts';
import { countWrites } from '../../test/support/invocations/mutation-meter.ts';
import { setFinalizing, setWaiting, type Waiting } from '../invocations/finalization-state.ts';
import type { InvocationId } from '../invocations/id.ts';
import { listInvocations, requireInvocation } from '../invocations/invocations.ts';
import { answerQuestion } from './answer-question.ts';
import { type Bounds, DEFAULT_BOUNDS } from './bounds.ts';
import { mutationsToFinalize } from './finalize.ts';
import { decide, tryFinalize } from './finalizer.ts';
import { type Answers, isQuestion } from './questions.ts';
import { rescueStuck } from './rescue.ts';

const id = invocationId;
const [OUTSIDER, ROOT] = [id('outsider'), id('r0')];
/** One transaction takes three members with an export each. */
const BY_THREE: Bounds = {
  ...DEFAULT_BOUNDS,
  mutations: 3 * mutationsToFinalize({ bigqueryExports: [new Uint8Array()] }),
};

/** A ring of seven whose members all wait, and an outsider that waits for one of them. */
async function openRing(open: OpenDatabase, bounds = BY_THREE): Promise<FinalizationWorld> {
  const world = new FinalizationWorld(await open(), { bounds });
  const ring = Array.from({ length: 7 }, (_, index) => id(`r${index}`));
  await world.create([...ring, OUTSIDER]);
  for (const [index, each] of ring.entries()) {
    await world.include(each, [ring[(index + 1) % ring.length] ?? each]);
  }
  await world.include(OUTSIDER, [id('r3')]);
  for (const each of [OUTSIDER, ...ring.slice(1)]) {
    await world.start(each);
    for (const pending of await world.tries()) await world.run(pending);
  }
  await world.start(ROOT);
  return world;
}

/**
 * Does as `tryFinalize` does, and calls `visit` after each transaction; ends once that returns
 * true.
 */
async function stepThrough(
  world: FinalizationWorld,
  root: InvocationId,
  visit: () => Promise<boolean | undefined>,
): Promise<number> {
  let answers: Answers = {};
  for (let steps = 1; ; steps++) {
    const verdict = await world.db.write((tx) => decide(world.parts, tx, { id: root, answers }));
    if ((await visit()) === true || !isQuestion(verdict)) return steps;
    answers = { ...answers, ...(await answerQuestion(world.parts, root, verdict)) };
  }
}

async function stateOf(world: FinalizationWorld, which: InvocationId) {
  return (await world.snapshot()).nodes.get(which)?.state;
}

async function settleAll(world: FinalizationWorld): Promise<void> {
  for (let tries = await world.tries(); tries.length > 0; tries = await world.tries()) {
    for (const pending of tries) await world.run(pending);
  }
}

async function loseTasks(world: FinalizationWorld): Promise<void> {
  for (const pending of await world.tries()) await world.complete(pending);
}

async function expectAllFinalized(world: FinalizationWorld): Promise<void> {
  const after = await world.snapshot();
  expect(violationsOf(after)).toEqual([]);
  const states = [...after.nodes.values()];
  expect(states.filter(({ state, isSettled }) => state !== 'FINALIZED' || !isSettled)).toEqual([]);
  expect(states.filter(({ closedBy }) => closedBy)).toEqual([]);
}

const inMemory = async () => new SqliteDatabase(FINALIZATION_TABLES);

describe('in memory', () => testClosing(inMemory));
eachDatabase((open) => testClosing(open));

function testClosing(open: OpenDatabase): void {
  test('a large set becomes FINALIZED at one moment and with one time, and is then exported', async () => {
    const world = await openRing(open);
    const ring = Array.from({ length: 7 }, (_, index) => id(`r${index}`));
    const seen = new Set<string>();
    const times = new Set<number | undefined>();
    const steps = await stepThrough(world, ROOT, async () => {
      world.clock.advance(1000);
      const snapshot = await world.snapshot();
      expect(violationsOf(snapshot, [ROOT])).toEqual([]);
      const found = await world.db.read((tx) =>
        Promise.all(ring.map((each) => requireInvocation(tx, each))),
      );
      const states = [...new Set(found.map(({ state }) => state))];
      seen.add(states.join());
      if (states[0] === 'FINALIZED') for (const each of found) times.add(each.finalizeTime);
      const listed = await world.db.read((tx) =>
        listInvocations(tx, { state: 'FINALIZED', limit: 10 }),
      );
      expect(listed.length).toBe(states[0] === 'FINALIZED' ? 7 : 0);
      return undefined;
    });
    expect([...seen]).toEqual(['FINALIZING', 'FINALIZED']);
    expect(times.size).toBe(1);
    // The steps are a question, the turn, marks, the decision, members, and the root.
    expect(steps).toBeGreaterThan(6);
    await settleAll(world);
    await expectAllFinalized(world);
  });

  test('a second large set waits for its turn', async () => {
    const world = await openRing(open, { ...BY_THREE, ...TIGHT_BOUNDS });
    const [a, b] = [id('a'), id('b')];
    await world.create([a, b]);
    await world.include(a, [b]);
    await world.include(b, [a]);
    await stepThrough(world, ROOT, async () => (await marksOf(world)) > 1);
    await world.start(a);
    await world.start(b);
    await tryFinalize(world.parts, a);
    expect(await tryFinalize(world.parts, b)).toBe('postponed');
    expect(await stateOf(world, b)).toBe('FINALIZING');
    await tryFinalize(world.parts, ROOT);
    expect(await tryFinalize(world.parts, b)).toBe('finalized');
    await settleAll(world);
    await expectAllFinalized(world);
  });

  test.each([
    ['some members are marked', async (world: FinalizationWorld) => (await marksOf(world)) > 3],
    [
      'the set is decided',
      async (world: FinalizationWorld) => (await stateOf(world, ROOT)) === 'FINALIZED',
    ],
    [
      'some members are settled',
      async (world: FinalizationWorld) => (await world.snapshot()).exports.length > 3,
    ],
  ])('a task lost when %s is made up for by the rescue', async (_, hasCome) => {
    const world = await openRing(open);
    await stepThrough(world, ROOT, () => hasCome(world));
    await loseTasks(world);
    world.clock.advance(60_001);
    await rescueStuck(world.parts, { olderThanMs: 60_000 });
    await settleAll(world);
    await expectAllFinalized(world);
  });

  test('trying a member changes nothing before the decision, and settles it afterwards', async () => {
    const world = await openRing(open);
    await stepThrough(world, ROOT, async () => (await marksOf(world)) === 7);
    expect(await tryFinalize(world.parts, id('r3'))).toBe('waiting');
    expect(await stateOf(world, id('r3'))).toBe('FINALIZING');
    const isDecided = async () => (await stateOf(world, ROOT)) === 'FINALIZED';
    await stepThrough(world, ROOT, isDecided);
    expect(await tryFinalize(world.parts, id('r3'))).toBe('finalized');
    expect((await world.snapshot()).nodes.get(id('r3'))?.isSettled).toBe(true);
    await settleAll(world);
    await expectAllFinalized(world);
  });
}

async function marksOf(world: FinalizationWorld): Promise<number> {
  const { nodes } = await world.snapshot();
  return [...nodes.values()].filter(({ closedBy }) => closedBy).length;
}

test('a set that fits into one transaction is written in one', async () => {
  const world = await openRing(inMemory, DEFAULT_BOUNDS);
  const written = new Set<string | undefined>();
  await stepThrough(world, ROOT, async () => {
    written.add(await stateOf(world, id('r3')));
    expect(await marksOf(world)).toBe(0);
    return undefined;
  });
  expect([...written]).toEqual(['FINALIZING', 'FINALIZED']);
});

test('no transaction writes more than Spanner accepts, however many members and waiters there are', async () => {
  const db = new SqliteDatabase(FINALIZATION_TABLES);
  const meter = countWrites(db);
  const world = new FinalizationWorld(meter.db);
  const members = Array.from({ length: 2000 }, (_, index) => id(`m${index}`));
  const waiters = members.map((member) => id(`w-${member}`));
  const [hub = ROOT, ...others] = members;
  await world.create([...members, ...waiters]);
  await world.include(hub, others);
  for (const other of others) await world.include(other, [hub]);
  await world.db.write(async (tx) => {
    const starts = [...members, ...waiters].map((each) => ({ id: each }));
    await setFinalizing(tx, starts, world.clock.now());
    await setWaiting(tx, [
      ...waiters.map((waiter, index) => waitingFor(waiter, members[index] ?? hub)),
      ...others.map((other) => waitingFor(other, hub)),
    ]);
  });
  meter.reset();
  expect(await tryFinalize(world.parts, hub)).toBe('finalized');
  expect(meter.most).toBeLessThanOrEqual(MAX_MUTATIONS);
  expect(meter.most).toBeGreaterThan(MAX_MUTATIONS / 10);
  await db.close();
});

function waitingFor(waiter: InvocationId, blocker: InvocationId): Waiting {
  return {
    id: waiter,
    blocker,
    blockerEnd: blocker,
    finalizedUpTo: undefined,
    hasNoneLeft: false,
  };
}
