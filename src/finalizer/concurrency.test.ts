/** Many workers run at once on one real server, with overlapping graphs, owners and tries. */

import { Dispatcher, type Lease, TaskQueue } from '@postlude/queue';
import {
  forEachLimit,
  hasCode,
  randomInt,
  seededRandom,
  systemClock,
  systemRandom,
} from '@postlude/queue/foundations';
import type { Database } from '@postlude/queue/storage';
import { describe, expect, test } from 'vitest';
import { PUSH } from '../../packages/queue/src/tq/submit/queue-submitter.ts';
import { openTestPostgres, testPostgresUrl } from '../../test/support/databases/databases.ts';
import { violationsOf } from '../../test/support/invocations/finalization-violations.ts';
import { FinalizationWorld, tryOf } from '../../test/support/invocations/finalization-world.ts';
import { invocationId } from '../../test/support/invocations/fixtures.ts';
import type { InvocationId } from '../invocations/id.ts';
import { TRY_FINALIZE_INVOCATION } from './finalization-tasks.ts';
import { tryFinalize } from './finalizer.ts';
import { finalizeHandler } from './handler.ts';

const WORKERS = 8;

async function leaseTries(queue: TaskQueue): Promise<Lease[]> {
  const queued = await queue.leaseDue(TRY_FINALIZE_INVOCATION.name, 4, 60_000);
  return [...queued, ...(await queue.leaseDue(PUSH.name, 4, 60_000))];
}

/** Leases and tries until it is told that no more tasks will come, and none is left. */
async function work(db: Database, world: FinalizationWorld, isOver: () => boolean) {
  const queue = new TaskQueue({ db, clock: systemClock });
  let conflicts = 0;
  while (true) {
    const mayEnd = isOver();
    const leases = await leaseTries(queue);
    if (leases.length === 0 && mayEnd && (await world.tries()).length === 0) return conflicts;
    for (const lease of leases) {
      try {
        await tryFinalize(world.earlierParts, tryOf(lease).id);
        await queue.complete(lease);
      } catch (error) {
        if (!hasCode(error, 'conflict')) throw error;
        conflicts++;
        await queue.release([lease]);
      }
    }
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Does the same as a server of this version does: in groups. */
async function workInGroups(db: Database, world: FinalizationWorld, isOver: () => boolean) {
  const queue = new TaskQueue({ db, clock: systemClock });
  const handlers = [finalizeHandler(world.parts)];
  const backoff = { initialMs: 1, maxMs: 10 };
  const eager = handlers.map((handler) => ({ ...handler, backoff }));
  const dispatcher = new Dispatcher({ queue, handlers: eager, clock: systemClock, workers: 4 });
  while (true) {
    const mayEnd = isOver();
    await dispatcher.runOnce();
    if (mayEnd && (await world.tries()).length === 0) return;
    await nextTurn();
  }
}

describe.skipIf(testPostgresUrl() === '')('with a server', () => {
  test.each([
    ['eight workers', 'flipping', 8, 0],
    ['servers in groups', 'queue', 0, 3],
    ['servers of two versions', 'queue', 3, 2],
  ] as const)('%s finalize overlapping graphs, each invocation exactly once', async (...given) => {
    const [, way, alone, grouped] = given;
    const seed = randomInt(systemRandom, 1_000_000_000);
    const random = seededRandom(seed);
    const db = await openTestPostgres({ maxConnections: 20 });
    const world = new FinalizationWorld(db, { way, seed });
    const ids = Array.from({ length: 60 }, (_, index) => invocationId(`n${index}`));
    const pick = (): InvocationId => ids[randomInt(random, ids.length)] ?? invocationId('n0');
    await world.create(ids);
    for (const id of ids) await world.include(id, [pick(), pick(), pick()]);

    let isOver = false;
    const owners = forEachLimit(ids, 6, (id) => world.start(id)).then(() => {
      isOver = true;
    });
    const workers = Array.from({ length: alone }, () => work(db, world, () => isOver));
    const servers = Array.from({ length: grouped }, () => workInGroups(db, world, () => isOver));
    const conflicts = await Promise.all([...workers, ...servers, owners]);

    const after = await world.snapshot();
    expect(violationsOf(after), `seed ${seed}, conflicts ${conflicts}`).toEqual([]);
    expect([...after.nodes.values()].every(({ state }) => state === 'FINALIZED')).toBe(true);
  });

  test('a hundred children that finalize at once wake their parent', async () => {
    const db = await openTestPostgres({ maxConnections: 20 });
    const world = new FinalizationWorld(db, { way: 'flipping' });
    const children = Array.from({ length: 100 }, (_, index) => invocationId(`c${index}`));
    const parent = invocationId('parent');
    await world.create([parent, ...children]);
    await world.include(parent, children);
    await world.start(parent);
    await forEachLimit(children, WORKERS, (id) => world.start(id));
    await Promise.all(Array.from({ length: WORKERS }, () => work(db, world, () => true)));
    const after = await world.snapshot();
    expect(violationsOf(after)).toEqual([]);
    expect(after.nodes.get(parent)?.state).toBe('FINALIZED');
  });
});
