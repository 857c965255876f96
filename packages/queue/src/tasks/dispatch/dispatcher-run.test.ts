import { describe, expect, test } from 'vitest';
import { eachDatabase } from '../../../../../test/support/databases/databases.ts';
import { Signal } from '../../../../../test/support/signal.ts';
import { openDispatcherWorld } from '../../../../../test/support/tasks/dispatcher-world.ts';
import { MINUTE, openTaskWorld, PLAIN } from '../../../../../test/support/tasks/task-world.ts';
import { FakeClock } from '../../testing/fake-clock.ts';
import { TaskQueue } from '../queue.ts';
import { DatabaseWakeUp, LocalWakeUp } from '../wake-up.ts';
import { Dispatcher } from './dispatcher.ts';
import type { Task } from './handler.ts';

eachDatabase((open) => {
  const openWorld = openDispatcherWorld(open);

  describe('leases of running attempts', () => {
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

    test('abort the handler’s signal once they are lost, and its work is void', async () => {
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

    test('end for a handler that never returns once its time is up', async () => {
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

    test('are taken over, with a warning, if a blocked event loop could not extend them', async () => {
      const world = await openWorld(async (_task, { complete }) => {
        // It acts as if it had computed for two minutes, during which another worker has begun.
        const clock = new FakeClock(world.clock.now() + 2 * MINUTE);
        await new TaskQueue({ db: world.db, clock }).lease('plain', 'a', MINUTE);
        world.clock.advance(2 * MINUTE);
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
    test('serves tasks that are enqueued meanwhile, without polling', async () => {
      const handled = new Signal<string>();
      const wakeUp = new LocalWakeUp();
      const world = await openTaskWorld(open);
      const waking = new TaskQueue({ db: world.db, clock: world.clock, wakeUp });
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

    test('lets handlers finish when it is told to stop, and begins no others', async () => {
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

    test('releases at once what it has leased ahead', async () => {
      const began = new Signal();
      const mayEnd = new Signal();
      const world = await openWorld(
        async ({ id }) => {
          if (id !== 'b') return;
          began.emit();
          await mayEnd.next();
        },
        { workers: 1 },
      );
      // The first is done at once, so that the next two are leased together.
      await world.enqueue('a', 'b', 'c');
      const stop = new AbortController();
      const running = world.dispatcher.run(stop.signal);
      await began.next();
      await world.clock.untilSleepers(2); // the heartbeat and the loop
      expect(await world.peek()).toEqual([]);
      stop.abort();
      const leaseAgain = () => world.queue.lease('plain', 'c', MINUTE);
      let lease = await leaseAgain();
      while (lease === undefined) lease = await leaseAgain(); // as long as 'b' runs
      expect(lease).toMatchObject({ attempt: 1 });
      mayEnd.emit();
      await running;
      expect(world.outcomes).toEqual(['done', 'done']);
    });

    test('releases at once what outlasts the grace period', async () => {
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
      stop.abort();
      await world.clock.untilSleepers(2); // the sleeps of the heartbeat and of the grace period
      world.clock.advance(1_000);
      await running;
      expect(world.outcomes).toEqual(['released']);
      expect(await world.peek()).toEqual(['a']);
      expect(await world.lease('a')).toMatchObject({ attempt: 1 });
    });
  });
});
