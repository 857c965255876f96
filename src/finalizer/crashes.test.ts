/** Finalization ends the same way at whatever step a process dies. */

import type { Database } from '@postlude/queue/storage';
import { type Faults, forEachCrash } from '@postlude/queue/testing';
import { expect, test } from 'vitest';
import { openTestPglite } from '../../test/support/databases/databases.ts';
import { SqliteDatabase } from '../../test/support/databases/sqlite-database.ts';
import { violationsOf } from '../../test/support/invocations/finalization-violations.ts';
import {
  FINALIZATION_TABLES,
  FinalizationWorld,
  TIGHT_BOUNDS,
  type WorldOptions,
} from '../../test/support/invocations/finalization-world.ts';
import { invocationId } from '../../test/support/invocations/fixtures.ts';
import { DEFAULT_BOUNDS } from './bounds.ts';
import { mutationsToFinalize } from './finalize.ts';
import { tryFinalize } from './finalizer.ts';
import { rescueStuck } from './rescue.ts';

const id = invocationId;
const TIGHT: WorldOptions = {
  bounds: TIGHT_BOUNDS,
  way: 'flipping',
};
const QUEUED: WorldOptions = { bounds: TIGHT_BOUNDS };
const BOTH_FINALIZED = ['FINALIZED', 'FINALIZED'];
type Edges = readonly (readonly [string, readonly string[]])[];

/** A cycle, a shared leaf, and more waiters than one transaction may wake. */
const TANGLE: Edges = [
  ['a', ['b']],
  ['b', ['a', 'c']],
  ['c', []],
  ['d', ['a', 'c']],
  ['e', ['c']],
  ['f', ['c']],
];

/** A root that waits for a chain and for leaves. */
const TREE: Edges = [
  ['root', ['a', 'b', 'c']],
  ['a', ['b']],
  ['b', ['c', 'd']],
  ['c', []],
  ['d', []],
];

/** A set of more than three members takes more than one transaction. */
const BY_THREE: WorldOptions = {
  bounds: {
    ...DEFAULT_BOUNDS,
    mutations: 3 * mutationsToFinalize({ bigqueryExports: [new Uint8Array()] }),
  },
};

/** A ring of seven, and an invocation that waits for it. */
const RING: Edges = [
  ...Array.from({ length: 7 }, (_, n): Edges[number] => [`r${n}`, [`r${(n + 1) % 7}`]]),
  ['outsider', ['r3']],
];

async function prepare(db: Database, edges: Edges): Promise<void> {
  const world = new FinalizationWorld(db, TIGHT);
  await world.create(edges.map(([name]) => id(name)));
  for (const [name, included] of edges) await world.include(id(name), included.map(id));
}

/**
 * Owners that come back after a crash find their invocation ACTIVE, or have finalized it before.
 */
async function finish(db: Database): Promise<FinalizationWorld> {
  const world = new FinalizationWorld(db, TIGHT);
  const { nodes } = await world.snapshot();
  for (const [each, { state }] of nodes) if (state === 'ACTIVE') await world.start(each);
  await drain(world);
  return world;
}

async function drain(world: FinalizationWorld): Promise<void> {
  for (let tries = await world.tries(); tries.length > 0; tries = await world.tries()) {
    for (const pending of tries) await world.run(pending);
  }
}

/** Tries what is pending together. */
async function drainInGroups(world: FinalizationWorld): Promise<void> {
  for (let tries = await world.tries(); tries.length > 0; tries = await world.tries()) {
    await world.runGroup(tries);
  }
}

interface Flow {
  readonly edges: Edges;
  readonly options: WorldOptions;
  /** Whether owners finalize all of it first, and the tries are then made in groups. */
  readonly isGrouped?: boolean;
}

async function runWithCrash(
  db: Database,
  { edges, options, isGrouped = false }: Flow,
  faults: Faults,
): Promise<void> {
  await prepare(db, edges);
  const dying = new FinalizationWorld(faults.wrap(db), options);
  await faults.run(async () => {
    for (const [name] of edges.toReversed()) {
      await dying.start(id(name));
      if (!isGrouped) await drain(dying);
    }
    await drainInGroups(dying);
  });
  expect(violationsOf(await new FinalizationWorld(db).snapshot())).toEqual([]);
  const after = await (await finish(db)).snapshot();
  expect(violationsOf(after)).toEqual([]);
  expect(new Set([...after.nodes.values()].map(({ state }) => state))).toEqual(
    new Set(['FINALIZED']),
  );
}

test.each([
  ['of a tangle', { edges: TANGLE, options: TIGHT }, 100],
  ['of a set larger than a transaction', { edges: RING, options: BY_THREE }, 150],
  ['of groups in tight bounds', { edges: TANGLE, options: QUEUED, isGrouped: true }, 100],
  ['of a group and its cascade', { edges: TREE, options: {}, isGrouped: true }, 30],
] as const)(
  'whatever the step %s, everything ends FINALIZED and exported once',
  async (_, flow, atLeast) => {
    const steps = await forEachCrash(async (faults) => {
      const db = new SqliteDatabase(FINALIZATION_TABLES);
      await runWithCrash(db, flow, faults);
      await db.close();
    });
    expect(steps).toBeGreaterThan(atLeast);
  },
);

test('PGlite makes up for a wake-up that dies at any step', async () => {
  const db = await openTestPglite();
  let scenario = 0;
  const steps = await forEachCrash(async (faults) => {
    const [leaf, parent] = [`c${++scenario}`, `a${scenario}`];
    await prepare(db, [
      [leaf, []],
      [parent, [leaf]],
    ]);
    const world = new FinalizationWorld(db, TIGHT);
    await world.start(id(parent));
    await drain(world);
    await world.start(id(leaf));
    await faults.run(() => tryFinalize({ ...world.parts, db: faults.wrap(db) }, id(leaf)));
    const { nodes } = await (await finish(db)).snapshot();
    expect([leaf, parent].map((name) => nodes.get(id(name))?.state)).toEqual(BOTH_FINALIZED);
  });
  expect(steps).toBeGreaterThan(5);
});

test('the next rescue makes up for one that dies at any step', async () => {
  const steps = await forEachCrash(async (faults) => {
    const db = new SqliteDatabase(FINALIZATION_TABLES);
    await prepare(db, TANGLE);
    const world = new FinalizationWorld(db);
    for (const [name] of TANGLE) await world.start(id(name));
    for (const pending of await world.tries()) await world.complete(pending);
    world.clock.advance(60_001);
    const options = { olderThanMs: 60_000, pageRows: 2 };
    await faults.run(() => rescueStuck({ ...world.parts, db: faults.wrap(db) }, options));
    await rescueStuck(world.parts, options);
    const tries = (await world.tries()).map((pending) => pending.id);
    expect(tries.toSorted()).toEqual(TANGLE.map(([name]) => name));
    await drain(world);
    const { nodes } = await world.snapshot();
    expect([...nodes.values()].every(({ state }) => state === 'FINALIZED')).toBe(true);
    await db.close();
  });
  expect(steps).toBeGreaterThan(10);
});
