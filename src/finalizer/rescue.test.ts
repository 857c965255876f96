import { expect, test } from 'vitest';
import { eachDatabase, type OpenDatabase } from '../../test/support/databases/databases.ts';
import {
  FinalizationWorld,
  TIGHT_BOUNDS,
} from '../../test/support/invocations/finalization-world.ts';
import { invocationId } from '../../test/support/invocations/fixtures.ts';
import { rescueStuck } from './rescue.ts';

const id = invocationId;
const OLD_MS = 60_000;

async function openWorld(open: OpenDatabase, names: readonly string[]) {
  const world = new FinalizationWorld(await open());
  await world.create(names.map(id));
  return world;
}

async function loseTasks(world: FinalizationWorld): Promise<void> {
  for (const pending of await world.tries()) await world.complete(pending);
}

eachDatabase((open) => {
  test('tries invocations whose task was lost', async () => {
    const world = await openWorld(open, ['a']);
    await world.start(id('a'));
    await loseTasks(world);
    world.clock.advance(OLD_MS + 1);
    expect(await rescueStuck(world.parts, { olderThanMs: OLD_MS })).toEqual({
      rescued: 1,
      next: undefined,
    });
    expect((await world.tries()).map((task) => task.id)).toEqual(['a']);
  });

  test('tries invocations whose blocker is FINALIZED, if the wake-up was lost', async () => {
    const names = ['a', 'b', 'c', 'd'];
    const world = await openWorld(open, names);
    for (const waiter of names.slice(1)) await world.include(id(waiter), [id('a')]);
    const tight = new FinalizationWorld(world.db, { bounds: TIGHT_BOUNDS });
    for (const waiter of names.slice(1)) await tight.start(id(waiter));
    for (const pending of await tight.tries()) await tight.run(pending);
    await tight.start(id('a'));
    for (const pending of await tight.tries()) await tight.run(pending);
    await loseTasks(tight);
    tight.clock.advance(OLD_MS + 1);
    expect(await rescueStuck(tight.parts, { olderThanMs: OLD_MS })).toMatchObject({ rescued: 3 });
    for (const pending of await tight.tries()) await tight.run(pending);
    const { nodes } = await tight.snapshot();
    expect([...nodes.values()].every(({ state }) => state === 'FINALIZED')).toBe(true);
  });

  test('skips invocations that wait for something, are young, or are over', async () => {
    const world = await openWorld(open, ['waits', 'active', 'young', 'over']);
    await world.include(id('waits'), [id('active')]);
    for (const name of ['waits', 'over']) await world.start(id(name));
    for (const pending of await world.tries()) await world.run(pending);
    world.clock.advance(OLD_MS + 1);
    await world.start(id('young'));
    await loseTasks(world);
    expect(await rescueStuck(world.parts, { olderThanMs: OLD_MS })).toMatchObject({ rescued: 0 });
  });

  test('goes through all pages, and enqueues no second rescue while one is pending', async () => {
    const names = Array.from({ length: 7 }, (_, index) => `n${index}`);
    const world = await openWorld(open, names);
    for (const name of names) await world.start(id(name));
    await loseTasks(world);
    world.clock.advance(OLD_MS + 1);
    const options = { olderThanMs: OLD_MS, pageRows: 2 };
    expect(await rescueStuck(world.parts, options)).toMatchObject({ rescued: 7 });
    expect(await rescueStuck(world.parts, options)).toMatchObject({ rescued: 0 });
  });

  test('looks at a bounded number, and continues from there when called again', async () => {
    const world = await openWorld(open, ['a', 'b', 'c', 'd', 'e']);
    for (const name of ['a', 'b', 'c', 'd', 'e']) await world.start(id(name));
    await loseTasks(world);
    world.clock.advance(OLD_MS + 1);
    const options = { olderThanMs: OLD_MS, pageRows: 2, rows: 4 };
    const first = await rescueStuck(world.parts, options);
    expect(first.rescued).toBe(4);
    const second = await rescueStuck(world.parts, { ...options, after: first.next });
    expect(second).toEqual({ rescued: 1, next: undefined });
  });
});
