import { describe, expect, test } from 'vitest';
import { CodedError, PermanentError } from '../errors.ts';
import { sql } from '../storage/sql.ts';
import { eachDatabase } from '../testing/databases.ts';
import { RecordingLog } from '../testing/recording-log.ts';
import { Signal } from '../testing/signal.ts';
import { LETTER, MINUTE, openTaskWorld, PLAIN } from '../testing/task-world.ts';
import { Dispatcher, type DispatcherConfig } from './dispatcher.ts';
import type { HandlerContext, Task, TaskHandler } from './handler.ts';
import { tasks } from './table.ts';
import { taskType } from './task.ts';
import { DatabaseWakeUp, LocalWakeUp } from './wake-up.ts';

type Handle = (task: Task<undefined>, context: HandlerContext) => Promise<void>;

eachDatabase((open) => {
  async function openWorld(
    handle: Handle,
    options: Partial<DispatcherConfig> & { readonly handler?: Partial<TaskHandler> } = {},
  ) {
    const world = await openTaskWorld(open);
    const log = new RecordingLog();
    const { handler, ...config } = options;
    const outcomes: string[] = [];
    const dispatcher = new Dispatcher({
      queue: world.queue,
      handlers: [{ type: PLAIN, handle, ...handler } as TaskHandler<undefined>],
      clock: world.clock,
      random: () => 0.5,
      leaseMs: MINUTE,
      log,
      metrics: {
        counter: () => ({ add: (_, fields = {}) => void outcomes.push(fields.outcome ?? '?') }),
        histogram: () => ({ record: () => undefined }),
        gauge: () => undefined,
      },
      ...config,
    });
    return { ...world, dispatcher, log, outcomes };
  }

  describe('an attempt', () => {
    test('that returns has done its task', async () => {
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

    test('that throws is made again, later each time, then given up with its last reason', async () => {
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
      expect(outcomes).toEqual(['retry', 'retry', 'dropped']);
    });

    test('that throws a PermanentError is given up at once', async () => {
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
    ])('that throws %s fails like any other', async (_name, thrown, reason) => {
      const { dispatcher, enqueue, living } = await openWorld(async () => {
        throw thrown;
      });
      await enqueue('a');
      await dispatcher.runOnce();
      expect((await living())[0]?.lastError).toContain(reason);
    });

    test('that throws before it returns a promise fails like any other', async () => {
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

  test('tasks of an unknown type are dead with their reason, where asked for', async () => {
    const world = await openWorld(async () => undefined, { unknownTypes: 'bury' });
    const foreign = taskType('foreign', PLAIN.payload);
    await world.queue.enqueue([{ type: foreign, id: 'x' }]);
    await world.enqueue('a');
    await world.dispatcher.runOnce();
    expect(await world.living()).toEqual([]);
    expect(await world.dead()).toMatchObject([
      { type: 'foreign', reason: 'no handler for tasks of type foreign' },
    ]);
  });

  test('tasks of an unknown type are left to others, unless asked for', async () => {
    const world = await openWorld(async () => undefined);
    await world.queue.enqueue([{ type: taskType('foreign', PLAIN.payload), id: 'x' }]);
    await world.dispatcher.runOnce();
    expect(await world.living()).toMatchObject([{ type: 'foreign', state: 'due' }]);
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

    test('of a worker that was overtaken has no effect at all', async () => {
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

    test('that is rolled back leaves the task to a retry', async () => {
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

  describe('leases of what runs', () => {
    test('are extended by the heartbeat', async () => {
      const began = new Signal();
      const mayEnd = new Signal();
      const world = await openWorld(async () => {
        began.emit();
        await mayEnd.next();
      });
      await world.enqueue('a');
      const running = world.dispatcher.runOnce();
      await began.next();
      for (let beat = 0; beat < 4; beat++) {
        world.clock.advance(MINUTE / 2);
        await world.dispatcher.heartbeat.beat();
      }
      expect(await world.peek()).toEqual([]);
      mayEnd.emit();
      await running;
      expect(world.outcomes).toEqual(['done']);
    });

    test('once lost abort the signal of the handler, and its work is void', async () => {
      const began = new Signal<AbortSignal>();
      const aborted = new Signal();
      const world = await openWorld(async (_task, { signal }) => {
        signal.addEventListener('abort', () => aborted.emit());
        began.emit(signal);
        await new Promise(() => undefined);
      });
      await world.enqueue('a');
      const running = world.dispatcher.runOnce();
      await began.next();
      world.clock.advance(MINUTE);
      await world.lease('a');
      await world.dispatcher.heartbeat.beat();
      await aborted.next();
      await running;
      expect(world.outcomes).toEqual(['lost']);
      expect(await world.living()).toMatchObject([{ state: 'leased' }]);
    });

    test('end for a handler that never returns, once its time is up', async () => {
      const began = new Signal();
      const world = await openWorld(
        async () => {
          began.emit();
          await new Promise(() => undefined);
        },
        { handler: { maxRunMs: 5 * MINUTE } },
      );
      await world.enqueue('a');
      const running = world.dispatcher.runOnce();
      await began.next();
      world.clock.advance(5 * MINUTE + 1);
      await world.dispatcher.heartbeat.beat();
      await running;
      expect(world.outcomes).toEqual(['retry']);
      expect((await world.living())[0]?.lastError).toContain('out-of-time');
    });

    test('that a blocked event loop could not extend are taken over, with a warning', async () => {
      const world = await openWorld(async (_task, { complete }) => {
        world.clock.advance(2 * MINUTE); // as if it had computed for two minutes
        await world.lease('a');
        await world.db.write((tx) => complete(tx));
      });
      const stop = new AbortController();
      await world.enqueue('a');
      const heartbeat = world.dispatcher.heartbeat.run(stop.signal);
      await world.dispatcher.runOnce();
      stop.abort();
      await heartbeat;
      expect(world.outcomes).toEqual(['lost']);
      const messages = world.log.lines.map(({ message }) => message);
      expect(messages).toContain('a handler blocked the event loop past its lease');
    });
  });

  describe('run', () => {
    test('serves what is enqueued meanwhile, woken without polling', async () => {
      const handled = new Signal<string>();
      const wakeUp = new LocalWakeUp();
      const world = await openTaskWorld(open);
      const waking = await import('./queue.ts').then(
        ({ TaskQueue }) => new TaskQueue({ db: world.db, clock: world.clock, wakeUp }),
      );
      const dispatcher = new Dispatcher({
        queue: waking,
        clock: world.clock,
        wakeUp,
        handlers: [{ type: PLAIN, handle: async ({ id }: Task<undefined>) => handled.emit(id) }],
      });
      const stop = new AbortController();
      const running = dispatcher.run(stop.signal);
      await world.clock.untilSleepers(2);
      await waking.enqueue([{ type: PLAIN, id: 'a' }]);
      expect(await handled.next()).toBe('a');
      stop.abort();
      await running;
    });

    test('is woken by another process through the database', async () => {
      const world = await openTaskWorld(open);
      const [here, there] = [
        await DatabaseWakeUp.open(world.db.notifications),
        await DatabaseWakeUp.open(world.db.notifications),
      ];
      const woken = new Signal();
      here.subscribe(['plain'], () => woken.emit());
      there.enqueued(['plain']);
      await woken.next();
      await here.close();
      await there.close();
    });

    test('lets handlers end when it is told to stop, and begins nothing more', async () => {
      const began = new Signal();
      const mayEnd = new Signal();
      const world = await openWorld(
        async () => {
          began.emit();
          await mayEnd.next();
        },
        { workers: 1 },
      );
      await world.enqueue('a', 'b');
      const stop = new AbortController();
      const running = world.dispatcher.run(stop.signal);
      await began.next();
      stop.abort();
      mayEnd.emit();
      await running;
      expect(await world.peek()).toEqual(['b']);
      expect(world.outcomes).toEqual(['done']);
    });

    test('gives back at once what outlasts the grace period', async () => {
      const began = new Signal();
      const world = await openWorld(
        async () => {
          began.emit();
          await new Promise(() => undefined);
        },
        { graceMs: 1_000 },
      );
      await world.enqueue('a');
      const stop = new AbortController();
      const running = world.dispatcher.run(stop.signal);
      await began.next();
      const sleepers = world.clock.sleepers;
      stop.abort();
      await world.clock.untilSleepers(Math.max(1, sleepers));
      world.clock.advance(1_000);
      await running;
      expect(world.outcomes).toEqual(['released']);
      expect(await world.peek()).toEqual(['a']);
      expect(await world.lease('a')).toMatchObject({ attempt: 1 });
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

  test('a completion that fails for good leaves the task to be run again', async () => {
    const world = await openWorld(async () => undefined);
    await world.enqueue('a');
    const failing = new Dispatcher({
      queue: Object.assign(Object.create(world.queue), {
        leaseDue: (...request: Parameters<typeof world.queue.leaseDue>) =>
          world.queue.leaseDue(...request),
        settleAll: () => Promise.reject(new Error('the database cannot do it')),
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

  test('leases touch no index: updates stay within their page', async () => {
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
