/** A process that dies at any step of finalization changes nothing about how it ends. */
import { expect, test } from 'vitest';
import { includedInvocations } from '../invocations/inclusions.ts';
import { invocations } from '../invocations/table.ts';
import type { Database } from '../storage/database.ts';
import { tasks } from '../tasks/table.ts';
import { openTestPglite } from '../testing/databases.ts';
import { type Faults, forEachCrash } from '../testing/faults.ts';
import {
  FinalizationWorld,
  violationsOf,
  type WorldOptions,
} from '../testing/finalization-world.ts';
import { invocationId } from '../testing/fixtures.ts';
import { SqliteDatabase } from '../testing/sqlite-database.ts';
import { tryFinalize } from './finalizer.ts';

const id = invocationId;
const TIGHT: WorldOptions = {
  bounds: { inclusions: 1, hops: 1, snapshotQueries: 1, wakes: 1 },
  way: 'flipping',
};
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

async function prepare(db: Database, edges: Edges): Promise<void> {
  const world = new FinalizationWorld(db, TIGHT);
  await world.create(edges.map(([name]) => id(name)));
  for (const [name, included] of edges) await world.include(id(name), included.map(id));
}

/** Owners that come after a crash find their invocation ACTIVE, or have finalized it before. */
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

async function runWithCrash(db: Database, edges: Edges, faults: Faults): Promise<void> {
  await prepare(db, edges);
  const dying = new FinalizationWorld(faults.wrap(db), TIGHT);
  await faults.run(async () => {
    for (const [name] of edges.toReversed()) {
      await dying.start(id(name));
      await drain(dying);
    }
  });
  expect(violationsOf(await new FinalizationWorld(db).snapshot())).toEqual([]);
  const after = await (await finish(db)).snapshot();
  expect(violationsOf(after)).toEqual([]);
  expect(new Set([...after.nodes.values()].map(({ state }) => state))).toEqual(
    new Set(['FINALIZED']),
  );
}

test('whatever the step, everything ends FINALIZED and exported once', async () => {
  const steps = await forEachCrash(async (faults) => {
    const db = new SqliteDatabase([invocations, includedInvocations, tasks]);
    await runWithCrash(db, TANGLE, faults);
    await db.close();
  });
  expect(steps).toBeGreaterThan(100);
});

test('a wake-up that dies at any step is made up for on PGlite', async () => {
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
