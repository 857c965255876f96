import { expect, test } from 'vitest';
import { eachDatabase, type OpenDatabase } from '../../test/support/databases/databases.ts';
import { FinalizationWorld } from '../../test/support/invocations/finalization-world.ts';
import { invocationId } from '../../test/support/invocations/fixtures.ts';
import type { InvocationId } from '../invocations/id.ts';
import { explain } from './explain.ts';

const id = invocationId;
const [A, B, C] = [id('a'), id('b'), id('c')];

async function openWorld(open: OpenDatabase, inclusions: readonly (readonly [string, string])[]) {
  const world = new FinalizationWorld(await open());
  await world.create([...new Set(['a', ...inclusions.flat()])].map(id));
  for (const [including, included] of inclusions)
    await world.include(id(including), [id(included)]);
  return world;
}

async function settle(world: FinalizationWorld): Promise<void> {
  for (let tries = await world.tries(); tries.length > 0; tries = await world.tries()) {
    for (const pending of tries) await world.run(pending);
  }
}

async function explained(world: FinalizationWorld, which: InvocationId) {
  const { reason, chain } = await world.db.read((reader) => explain(reader, which));
  return [reason, ...chain.map((each) => each.id)];
}

eachDatabase((open) => {
  test('says that its own owner has not finalized an invocation', async () => {
    const world = await openWorld(open, [['a', 'b']]);
    expect(await explained(world, A)).toEqual(['ACTIVE', A]);
  });

  test('leads to the ACTIVE invocation, with its owner and deadline', async () => {
    const world = await openWorld(open, [
      ['a', 'b'],
      ['b', 'c'],
    ]);
    for (const each of [A, B]) await world.start(each);
    await settle(world);
    expect(await explained(world, A)).toEqual(['WAITS_FOR_ACTIVE', A, B, C]);
    const { chain } = await world.db.read((reader) => explain(reader, A));
    expect(chain.at(-1)).toMatchObject({
      state: 'ACTIVE',
      createdBy: 'user:owner@example.org',
      deadline: expect.any(Number),
    });
  });

  test('leads out of a cycle', async () => {
    const world = await openWorld(open, [
      ['a', 'b'],
      ['b', 'a'],
      ['b', 'c'],
    ]);
    for (const each of [A, B]) await world.start(each);
    await settle(world);
    for (const each of [A, B]) {
      const [reason, ...chain] = await explained(world, each);
      expect(reason).toBe('WAITS_FOR_ACTIVE');
      expect(chain[0]).toBe(each);
      expect(chain.at(-1)).toBe(C);
    }
  });

  test('says when nothing holds it up any more', async () => {
    const world = await openWorld(open, [['a', 'b']]);
    await world.start(A);
    await settle(world);
    await world.start(B);
    expect(await explained(world, A)).toEqual(['BEING_DECIDED', A, B]);
  });

  test('says when it is over', async () => {
    const world = await openWorld(open, []);
    await world.start(A);
    await settle(world);
    expect(await explained(world, A)).toEqual(['FINALIZED', A]);
  });

  test('shortens a very long chain, and still shows its end', async () => {
    const names = Array.from({ length: 130 }, (_, index) => `n${index}`);
    const links = names.slice(1).map((name, index): [string, string] => [`n${index}`, name]);
    const world = await openWorld(open, [['a', 'n0'], ...links]);
    for (const name of ['a', ...names.slice(0, -1)]) await world.start(id(name));
    await settle(world);
    const { chain, isShortened, reason } = await world.db.read((reader) => explain(reader, A));
    expect(reason).toBe('WAITS_FOR_ACTIVE');
    expect(isShortened).toBe(true);
    expect(chain.length).toBe(101);
    expect(chain.at(-1)?.id).toBe('n129');
  });

  test('fails with not-found for an invocation that does not exist', async () => {
    const world = await openWorld(open, []);
    await expect(explained(world, id('nobody'))).rejects.toMatchObject({ code: 'not-found' });
  });
});
