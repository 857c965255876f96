import { describe, expect, test } from 'vitest';
import { eachDatabase } from '../../../../../test/support/databases/databases.ts';
import { Signal } from '../../../../../test/support/signal.ts';
import { openDispatcherWorld } from '../../../../../test/support/tasks/dispatcher-world.ts';
import {
  LETTER,
  MINUTE,
  openTaskWorld,
  PLAIN,
} from '../../../../../test/support/tasks/task-world.ts';
import { CodedError, PermanentError } from '../../foundations/errors.ts';
import { sql } from '../../storage/sql.ts';
import { bytesPayload } from '../payload.ts';
import { tasks } from '../table.ts';
import { taskType } from '../task.ts';
import { Dispatcher } from './dispatcher.ts';
import type { Task } from './handler.ts';

const handle = async (): Promise<void> => undefined;

eachDatabase((open, _database, traits) => {
  const openWorld = openDispatcherWorld(open);

  describe('an attempt', () => {
    test('completes its task if it returns', async () => {
      const seen: string[] = [];
      const { dispatcher, enqueue, living, outcomes } = await openWorld(async ({ id }) => {
        seen.push(id);
      });
      await enqueue('a', 'b', 'c');
      expect(await dispatcher.runOnce()).toBe(3);
      expect(seen.sort()).toEqual(['a', 'b', 'c']);
      expect(await living()).toEqual([]);
      expect(outcomes).toEqual(['done', 'done', 'done']);
    });

    test('is repeated after it throws, later each time, until the task is dead with its last error', async () => {
      let attempts = 0;
      const { dispatcher, clock, enqueue, living, dead, outcomes } = await openWorld(
        async () => {
          attempts += 1;
          throw new Error(`no luck ${attempts}`);
        },
        { handler: { maxAttempts: 3, backoff: { initialMs: 1_000, maxMs: 60_000 } } },
      );
      await enqueue('a');
      await dispatcher.runOnce();
      const [first] = await living();
      expect(first).toMatchObject({ state: 'scheduled', lastError: 'no luck 1' });
      expect(first?.processAfter).toBe(clock.now() + 500);
      clock.advance(500);
      await dispatcher.runOnce();
      expect((await living())[0]?.processAfter).toBe(clock.now() + 1_000);
      clock.advance(1_000);
      await dispatcher.runOnce();
      expect(await dead()).toMatchObject([{ id: 'a', attempt: 3 }]);
      expect((await dead())[0]?.reason).toContain('no luck 3');
      expect(outcomes).toEqual(['retry', 'retry', 'dead']);
    });

    test('makes the task dead at once if it throws a PermanentError', async () => {
      const { dispatcher, enqueue, dead } = await openWorld(async () => {
        throw new PermanentError('no such address');
      });
      await enqueue('a');
      await dispatcher.runOnce();
      expect(await dead()).toMatchObject([{ reason: 'no such address', attempt: 1 }]);
    });

    test.each([
      ['a text', 'boom', 'boom'],
      ['undefined', undefined, 'undefined'],
      ['an object', { code: 7 }, '{"code":7}'],
      ['an error whose message is none', Object.assign(new Error(), { message: 42 }), '42'],
    ])('fails like any other if it throws %s', async (_name, thrown, reason) => {
      const { dispatcher, enqueue, living } = await openWorld(async () => {
        throw thrown;
      });
      await enqueue('a');
      await dispatcher.runOnce();
      expect((await living())[0]?.lastError).toContain(reason);
    });

    test('fails like any other if it throws before it returns a promise', async () => {
      const { dispatcher, enqueue, living } = await openWorld(() => {
        throw new Error('at once');
      });
      await enqueue('a');
      await dispatcher.runOnce();
      expect(await living()).toMatchObject([{ lastError: 'at once' }]);
    });
  });

  test('a payload that cannot be decoded makes its task dead, and its neighbours go on', async () => {
    const sent: string[] = [];
    const world = await openTaskWorld(open);
    await world.queue.enqueue([{ type: LETTER, id: 'good', payload: { to: 'ada' } }]);
    const letters = taskType('letter', PLAIN.payload);
    await world.queue.enqueue([{ type: letters, id: 'bad' }]);
    const dispatcher = new Dispatcher({
      queue: world.queue,
      clock: world.clock,
      handlers: [
        {
          type: LETTER,
          handle: async ({ payload }: Task<{ to: string }>) => void sent.push(payload.to),
        },
      ],
    });
    await dispatcher.runOnce();
    expect(sent).toEqual(['ada']);
    expect(await world.dead()).toMatchObject([{ id: 'bad' }]);
    expect((await world.dead())[0]?.reason).toContain('payload cannot be decoded');
  });

  test('tasks of an unknown type are left to others', async () => {
    const world = await openWorld(async () => undefined);
    await world.queue.enqueue([{ type: taskType('foreign', PLAIN.payload), id: 'x' }]);
    await world.dispatcher.runOnce();
    expect(await world.living()).toMatchObject([{ type: 'foreign', state: 'due' }]);
  });

  test.each([
    ['no workers', { workers: 0 }],
    ['a part of a worker', { workers: 0.5 }],
    ['payloads of no size', { maxLeasedBytes: 0 }],
    ['a lease of no time', { leaseMs: 0 }],
    ['a handler of no attempts', { handlers: [{ type: PLAIN, handle, maxAttempts: 0 }] }],
    ['a handler of no time', { handlers: [{ type: PLAIN, handle, maxRunMs: 0 }] }],
    [
      'pauses without end',
      { handlers: [{ type: PLAIN, handle, backoff: { initialMs: 1, maxMs: Infinity } }] },
    ],
    ['a batch of no tasks', { handlers: [{ type: PLAIN, handleBatch: handle, maxBatch: 0 }] }],
    ['a handler of both kinds', { handlers: [{ type: PLAIN, handle, handleBatch: handle }] }],
    ['two handlers of one type', { handlers: [PLAIN, PLAIN].map((type) => ({ type, handle })) }],
  ])('a dispatcher refuses %s', async (_name, wrong) => {
    const { queue } = await openTaskWorld(open);
    const config = { queue, handlers: [], ...wrong };
    expect(() => new Dispatcher(config)).toThrow(
      expect.objectContaining({ code: 'invalid-argument' }),
    );
  });

  describe('completion in the handler’s own transaction', () => {
    test('takes effect once, with what it writes', async () => {
      const world = await openWorld(async (_task, { complete }) => {
        await world.db.write(async (tx) => {
          await world.queue.enqueue([{ type: LETTER, id: 'effect', payload: { to: 'x' } }], tx);
          await complete(tx);
        });
      });
      await world.enqueue('a');
      await world.dispatcher.runOnce();
      expect((await world.living()).map(({ id }) => id)).toEqual(['effect']);
      expect(world.outcomes).toEqual(['done']);
    });

    test('has no effect at all if the worker has lost its lease', async () => {
      const world = await openWorld(async (_task, { complete }) => {
        world.clock.advance(MINUTE);
        await world.lease('a');
        await world.db.write(async (tx) => {
          await world.queue.enqueue([{ type: LETTER, id: 'effect', payload: { to: 'x' } }], tx);
          await complete(tx);
        });
      });
      await world.enqueue('a');
      await world.dispatcher.runOnce();
      expect((await world.living()).map(({ id }) => id)).toEqual(['a']);
      expect(world.outcomes).toEqual(['lost']);
    });

    test('leaves the task to a retry if it is rolled back', async () => {
      const world = await openWorld(async (_task, { complete }) => {
        await world.db.write(async (tx) => {
          await complete(tx);
          throw new CodedError('failed-precondition', 'not yet');
        });
      });
      await world.enqueue('a');
      await world.dispatcher.runOnce();
      expect(await world.living()).toMatchObject([{ id: 'a', lastError: 'not yet' }]);
    });
  });

  test('leases no more than it can start soon while its handlers are slow', async () => {
    const began = new Signal();
    const mayEnd = new Signal();
    const world = await openWorld(
      async () => {
        began.emit();
        await mayEnd.next();
      },
      { workers: 2 },
    );
    await world.enqueue('a', 'b', 'c', 'd', 'e');
    const running = world.dispatcher.runOnce();
    await began.next();
    await began.next();
    expect(await world.peek()).toEqual(['c', 'd', 'e']);
    for (let ended = 0; ended < 5; ended++) mayEnd.emit();
    await running;
    expect(await world.living()).toEqual([]);
  });

  test('bounds the payloads that it holds, and runs all tasks in the end', async () => {
    const world = await openTaskWorld(open);
    const BLOB = taskType('blob', bytesPayload);
    const payload = new Uint8Array(400);
    const ids = Array.from({ length: 12 }, (_, index) => `b${10 + index}`);
    await world.queue.enqueue(ids.map((id) => ({ type: BLOB, id, payload })));
    const began = new Signal();
    const mayEnd = new Signal();
    let running = 0;
    let most = 0;
    const seen: string[] = [];
    const dispatcher = new Dispatcher({
      queue: world.queue,
      clock: world.clock,
      maxLeasedBytes: 1_000,
      handlers: [
        {
          type: BLOB,
          handle: async ({ id }: Task<Uint8Array>) => {
            running += 1;
            const leased = (await world.living()).filter(({ state }) => state === 'leased');
            most = Math.max(most, leased.length);
            began.emit();
            await mayEnd.next();
            running -= 1;
            seen.push(id);
          },
        },
      ],
    });
    const stop = new AbortController();
    const serving = dispatcher.run(stop.signal);
    for (let ended = 0; ended < ids.length; ended++) {
      await began.next();
      expect(running).toBeLessThanOrEqual(3);
      mayEnd.emit();
    }
    stop.abort();
    await serving;
    expect(seen.sort()).toEqual(ids);
    expect(most).toBe(3); // 800 bytes, and the one that exceeds them
  });

  test('a busy type does not keep others waiting', async () => {
    const order: string[] = [];
    const world = await openTaskWorld(open);
    const other = taskType('other', PLAIN.payload);
    const handle = async ({ type }: Task<undefined>) => void order.push(type);
    const dispatcher = new Dispatcher({
      queue: world.queue,
      clock: world.clock,
      workers: 2,
      handlers: [
        { type: PLAIN, handle },
        { type: other, handle },
      ],
    });
    await world.enqueue(...Array.from({ length: 40 }, (_, index) => `p${index}`));
    await world.queue.enqueue([{ type: other, id: 'o' }]);
    await dispatcher.runOnce();
    expect(order.indexOf('other')).toBeLessThan(10);
    expect(order).toHaveLength(41);
  });

  test('a completion that fails for good has the task run again', async () => {
    const world = await openWorld(async () => undefined);
    await world.enqueue('a');
    const failing = new Dispatcher({
      queue: Object.assign(Object.create(world.queue), {
        leaseDue: (...request: Parameters<typeof world.queue.leaseDue>) =>
          world.queue.leaseDue(...request),
        completeAll: () => Promise.reject(new Error('the database cannot do it')),
      }),
      clock: world.clock,
      handlers: [{ type: PLAIN, handle: async () => undefined }],
    });
    await failing.runOnce();
    expect(await world.living()).toMatchObject([{ id: 'a', state: 'leased' }]);
    world.clock.advance(MINUTE);
    await world.dispatcher.runOnce();
    expect(world.outcomes).toEqual(['done']);
  });

  const whereLocksAreSkipped = test.runIf(traits.skipsLockedRows);
  whereLocksAreSkipped('leases touch no index: updates stay within their page', async () => {
    const world = await openWorld(async () => undefined);
    const columns = await world.db.read((tx) =>
      tx.query(
        sql`SELECT indexdef AS definition FROM pg_indexes
            WHERE indexname IN ('tasks_due', 'tasks_pkey') AND indexdef LIKE '%lease_until%'`,
        { definition: tasks.columns.id },
      ),
    );
    expect(columns).toEqual([]);
  });
});
