/** Tasks whose leases ended although nobody settled them. */
import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { eachDatabase } from '../../../../../test/support/databases/databases.ts';
import { Signal } from '../../../../../test/support/signal.ts';
import { openDispatcherWorld } from '../../../../../test/support/tasks/dispatcher-world.ts';
import { MINUTE, openTaskWorld, PLAIN } from '../../../../../test/support/tasks/task-world.ts';
import { CodedError } from '../../foundations/errors.ts';
import { databaseTime } from '../../storage/time.ts';
import { Dispatcher } from '../dispatch/dispatcher.ts';
import type { Task, TaskHandler } from '../dispatch/handler.ts';
import { bytesPayload } from '../payload.ts';
import { type Lease, type LeaseLimit, taskType } from '../task.ts';
import { readThenCheckClaim, skipLockedClaim } from './claim.ts';

type World = Awaited<ReturnType<typeof openTaskWorld>>;

/**
 * Runs a dispatcher that dies: once one of `killers` begins, its process does nothing more. Other tasks are
 * done at once. Resolves when the process is dead or has nothing left to do, and its leases have ended.
 */
async function liveAndDie(
  world: World,
  {
    killers,
    started,
    ...options
  }: {
    readonly killers: readonly string[];
    readonly started: string[];
    readonly workers?: number;
    readonly handler?: Partial<TaskHandler<undefined>>;
  },
): Promise<void> {
  const died = new Signal();
  let isDead = false;
  const dispatcher = new Dispatcher({
    queue: world.queue,
    clock: world.clock,
    random: () => 0.5,
    leaseMs: MINUTE,
    workers: options.workers ?? 10,
    handlers: [
      {
        type: PLAIN,
        maxAttempts: 3,
        ...options.handler,
        handle: async ({ id }: Task<undefined>) => {
          if (isDead) return await new Promise(() => undefined);
          started.push(id);
          if (!killers.includes(id)) return;
          await untilGone(
            world,
            started.filter((one) => !killers.includes(one)),
          );
          isDead = true;
          died.emit();
          await new Promise(() => undefined);
        },
      },
    ],
  });
  await Promise.race([dispatcher.runOnce(), died.next()]);
  world.clock.advance(MINUTE);
}

/** Waits for the completions of the tasks. Without them, these attempts would also end with the process. */
async function untilGone(world: World, ids: readonly string[]): Promise<void> {
  while ((await world.living()).some(({ id }) => ids.includes(id))) await setImmediate();
}

eachDatabase((open, _database, traits) => {
  const openWorld = openDispatcherWorld(open);
  const times = (started: readonly string[], id: string): number =>
    started.filter((one) => one === id).length;

  describe('a task that kills its process', () => {
    test('is started as often as attempts are allowed, and is then dead', async () => {
      const world = await openTaskWorld(open);
      const started: string[] = [];
      await world.enqueue('killer');
      for (let life = 0; life < 6; life++)
        await liveAndDie(world, { killers: ['killer'], started });
      expect(started).toEqual(['killer', 'killer', 'killer']);
      expect(await world.living()).toEqual([]);
      expect(await world.dead()).toMatchObject([
        {
          id: 'killer',
          attempt: 3,
          reason: 'its process died 3 times: no more attempts are allowed',
        },
      ]);
    });

    test('tells the next attempt that the process died', async () => {
      const world = await openWorld(async () => undefined);
      await world.enqueue('killer');
      await liveAndDie(world, { killers: ['killer'], started: [] });
      expect(await world.lease('killer')).toMatchObject({
        attempt: 2,
        deaths: 1,
        lastError: expect.stringMatching(/^its process died/),
      });
    });

    test('is dead once failed attempts and deaths together use up all attempts', async () => {
      const world = await openTaskWorld(open);
      await world.enqueue('a');
      await world.queue.retry(await world.lease('a'), { error: 'no luck', delayMs: 0 });
      const started: string[] = [];
      for (let life = 0; life < 4; life++) await liveAndDie(world, { killers: ['a'], started });
      expect(started).toEqual(['a', 'a']);
      expect(await world.dead()).toMatchObject([
        { attempt: 3, reason: 'its process died 2 times: no more attempts are allowed' },
      ]);
    });

    test.each([
      [1, 1],
      [3, 4],
      [20, 21],
    ])('leased ahead, of %i attempts, is started %i times at most', async (maxAttempts, starts) => {
      const world = await openTaskWorld(open);
      const started: string[] = [];
      // The first tasks are done at once, so that the next ones are leased ahead.
      const quick = Array.from({ length: 30 }, (_, index) => `a${10 + index}`);
      await world.enqueue(...quick, 'b-killer', 'c1', 'c2', 'c3');
      const handler = { maxAttempts };
      const lives = { killers: ['b-killer'], started, workers: 1, handler };
      for (let life = 0; life < starts + 2; life++) await liveAndDie(world, lives);
      expect(times(started, 'b-killer')).toBe(starts);
      expect(await world.dead()).toMatchObject([{ id: 'b-killer', attempt: maxAttempts }]);
      // Its neighbours were leased with it again and again, and all were done.
      expect(await world.living()).toEqual([]);
      for (const id of ['c1', 'c2', 'c3']) expect(times(started, id)).toBe(1);
    });
  });

  test('tasks that were leased ahead lose no attempt, however often their process dies', async () => {
    const world = await openTaskWorld(open);
    await world.enqueue('a');
    for (let life = 0; life < 5; life++) {
      const [lease] = await world.queue.leaseDue('plain', { tasks: 1, begin: 0 }, MINUTE);
      expect(lease).toMatchObject({ attempt: 1, begun: false, lastError: undefined });
      world.clock.advance(MINUTE);
    }
  });

  test('an attempt under a lease that was taken ahead counts once its beginning is written', async () => {
    const world = await openTaskWorld(open);
    await world.enqueue('a', 'b');
    const leases = await world.queue.leaseDue('plain', { tasks: 2, begin: 0 }, MINUTE);
    expect(await world.queue.begin(leases.slice(0, 1))).toEqual(['done']);
    world.clock.advance(MINUTE);
    expect(await world.queue.begin(leases.slice(1))).toEqual(['done']);
    expect(await world.lease('a')).toMatchObject({ attempt: 2, deaths: 1 });
    expect(await world.queue.begin(leases.slice(0, 1))).toEqual(['lost']);
  });

  test('a claim whose response is lost does not use up the only attempt', async () => {
    const world = await openTaskWorld(open);
    await world.enqueue('a');
    const started: string[] = [];
    let lostAnswers = 1;
    const lossy = Object.assign(Object.create(world.queue), {
      leaseDue: async (...request: Parameters<typeof world.queue.leaseDue>) => {
        const leases = await world.queue.leaseDue(...request);
        if (lostAnswers-- > 0) throw new CodedError('outcome-unknown', 'the answer was lost');
        return leases;
      },
      begin: (...request: Parameters<typeof world.queue.begin>) => world.queue.begin(...request),
      completeAll: (leases: readonly Lease[]) => world.queue.completeAll(leases),
    });
    const handler = {
      type: PLAIN,
      maxAttempts: 1,
      handle: async ({ id }: Task<undefined>) => void started.push(id),
    };
    const parts = { queue: lossy, clock: world.clock, leaseMs: MINUTE };
    const dispatcher = new Dispatcher({ ...parts, handlers: [handler] });
    await expect(dispatcher.runOnce()).rejects.toMatchObject({ code: 'outcome-unknown' });
    world.clock.advance(MINUTE);
    await dispatcher.runOnce();
    expect(started).toEqual(['a']);
    expect(await world.dead()).toEqual([]);
  });

  test('attempts whose beginning cannot be written are released, and not begun', async () => {
    const world = await openTaskWorld(open);
    const seen: string[] = [];
    await world.enqueue('a');
    await world.queue.leaseDue('plain', { tasks: 1, begin: 0 }, MINUTE);
    world.clock.advance(MINUTE);
    // These tasks are leased ahead, and suspected.
    const leases = await world.queue.leaseDue('plain', { tasks: 1, begin: 0 }, MINUTE);
    const queue = Object.assign(Object.create(world.queue), {
      leaseDue: async () => leases.splice(0),
      begin: async () => {
        throw new Error('the database is away');
      },
      release: (given: readonly Lease[]) => world.queue.release(given),
    });
    const handlers = [
      { type: PLAIN, handle: async ({ id }: Task<undefined>) => void seen.push(id) },
    ];
    await new Dispatcher({ queue, clock: world.clock, handlers }).runOnce();
    expect(seen).toEqual([]);
    expect(await world.lease('a')).toMatchObject({ attempt: 1, deaths: 0 });
  });

  describe.each([
    ...(traits.skipsLockedRows ? [['in one statement', skipLockedClaim] as const] : []),
    ['by reading, then checking', readThenCheckClaim] as const,
  ])('a claim %s', (_name, claimOf) => {
    async function openClaimWorld() {
      const world = await openTaskWorld(open);
      const { db, clock } = world;
      const claim = claimOf({ db, clock, time: databaseTime(db.dialect, clock) });
      return {
        ...world,
        claim: ({ tasks, ...bounds }: LeaseLimit) =>
          claim({
            type: 'plain',
            limit: tasks,
            ...bounds,
            leaseMs: MINUTE,
          }),
      };
    }

    test('ends when the payloads have enough bytes, but takes at least one task', async () => {
      const { claim, queue } = await openClaimWorld();
      const sized = taskType('plain', bytesPayload);
      const sizes = { a: 10, b: 0, c: 10, d: 1 };
      await queue.enqueue(
        Object.entries(sizes).map(([id, size]) => ({
          type: sized,
          id,
          payload: new Uint8Array(size),
        })),
      );
      const ids = async (bytes: number) => (await claim({ tasks: 10, bytes })).map(({ id }) => id);
      expect(await ids(1)).toEqual(['a']);
      expect(await ids(10)).toEqual(['b', 'c']);
      expect(await ids(10)).toEqual(['d']);
      expect(await ids(10)).toEqual([]);
    });

    test('notes which of the oldest begin at once', async () => {
      const { claim, enqueue } = await openClaimWorld();
      await enqueue('a', 'b', 'c');
      const leases = await claim({ tasks: 3, begin: 2 });
      expect(leases.map(({ id, begun }) => [id, begun])).toEqual([
        ['a', true],
        ['b', true],
        ['c', false],
      ]);
    });

    test('gives back an attempt that had not begun, and counts one that had', async () => {
      const { claim, clock, enqueue } = await openClaimWorld();
      await enqueue('a', 'b');
      await claim({ tasks: 2, begin: 1 });
      clock.advance(MINUTE);
      expect(await claim({ tasks: 2 })).toMatchObject([
        { id: 'a', attempt: 2, deaths: 1, lastError: expect.stringContaining('process died') },
        { id: 'b', attempt: 1, deaths: 0, lastError: undefined },
      ]);
    });

    test('does not suspect tasks whose leases were settled', async () => {
      const { claim, enqueue, queue } = await openClaimWorld();
      await enqueue('a', 'b');
      const [a, b] = await claim({ tasks: 2 });
      if (a) await queue.retry(a, { error: 'no luck', delayMs: 0 });
      if (b) await queue.release([b]);
      expect(await claim({ tasks: 2 })).toMatchObject([
        { id: 'a', attempt: 2, deaths: undefined, lastError: 'no luck' },
        { id: 'b', attempt: 1, deaths: undefined },
      ]);
    });
  });
});
