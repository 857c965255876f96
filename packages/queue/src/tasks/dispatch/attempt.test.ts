/** Attempts that end in unusual ways. */
import { expect, test } from 'vitest';
import { eachDatabase } from '../../../../../test/support/databases/databases.ts';
import { Signal } from '../../../../../test/support/signal.ts';
import { openDispatcherWorld } from '../../../../../test/support/tasks/dispatcher-world.ts';
import { MINUTE, openTaskWorld, PLAIN } from '../../../../../test/support/tasks/task-world.ts';
import { PermanentError } from '../../foundations/errors.ts';
import { TaskQueue } from '../queue.ts';
import { taskType } from '../task.ts';
import { Dispatcher } from './dispatcher.ts';
import type { Task } from './handler.ts';

eachDatabase((open) => {
  const openWorld = openDispatcherWorld(open);

  test('a handler that fails after its own commit has completed its task; a warning is logged', async () => {
    const world = await openWorld(async (_task, { complete }) => {
      await world.db.write((tx) => complete(tx));
      throw new PermanentError('too late');
    });
    await world.enqueue('a');
    await world.dispatcher.runOnce();
    expect(world.outcomes).toEqual(['done']);
    expect(await world.dead()).toEqual([]);
    expect(world.log.lines).toMatchObject([{ message: 'the handler failed after its commit' }]);
  });

  test('a validation that never ends is stopped when its time is up', async () => {
    const began = new Signal();
    const world = await openTaskWorld(open);
    const endless = taskType<undefined>('plain', {
      encode: () => undefined,
      decode: () => {
        began.emit();
        return new Promise(() => undefined);
      },
    });
    const dispatcher = new Dispatcher({
      queue: world.queue,
      clock: world.clock,
      handlers: [{ type: endless, handle: async () => undefined, maxRunMs: MINUTE }],
    });
    await world.enqueue('a');
    const running = dispatcher.runOnce();
    await began.next();
    world.clock.advance(MINUTE + 1);
    await dispatcher.heartbeat.beat();
    await running;
    expect((await world.living())[0]?.lastError).toContain('out-of-time');
  });

  test('a task whose lease is lost before it began is not begun', async () => {
    const seen: string[] = [];
    const began = new Signal();
    const mayEnd = new Signal();
    const world = await openWorld(
      async ({ id }) => {
        seen.push(id);
        if (id !== 'b') return;
        began.emit();
        await mayEnd.next();
      },
      { workers: 1 },
    );
    // The first is done at once, so that the next two are leased together.
    await world.enqueue('a', 'b', 'c');
    const running = world.dispatcher.runOnce();
    await began.next();
    world.clock.advance(MINUTE);
    await world.lease('c');
    await world.dispatcher.heartbeat.beat();
    mayEnd.emit();
    await running;
    expect(seen).toEqual(['a', 'b']);
    expect(world.outcomes.sort()).toEqual(['done', 'done', 'lost']);
  });

  test('attempts that fail by the hundred at once are all settled', async () => {
    const world = await openWorld(
      async () => {
        throw new Error('the other side is away');
      },
      { workers: 100 },
    );
    const ids = Array.from({ length: 300 }, (_, index) => `t${index}`);
    await world.enqueue(...ids);
    const other = new Dispatcher({
      queue: new TaskQueue({ db: world.db, clock: world.clock }),
      clock: world.clock,
      random: () => 0.5,
      workers: 100,
      handlers: [
        {
          type: PLAIN,
          handle: async (_: Task<undefined>) => {
            throw new Error('the other side is away');
          },
        },
      ],
    });
    await Promise.all([world.dispatcher.runOnce(), other.runOnce()]);
    const living = await world.living();
    expect(living.map(({ state, attempt }) => `${state} ${attempt}`)).toEqual(
      ids.map(() => 'scheduled 1'),
    );
  });

  test('a task that is leased while the process is told to stop is released, not begun', async () => {
    const stop = new AbortController();
    const seen: string[] = [];
    const world = await openTaskWorld(open);
    await world.enqueue('a');
    const stoppedMeanwhile = Object.assign(Object.create(null), {
      leaseDue: async (...request: Parameters<typeof world.queue.leaseDue>) => {
        const leases = await world.queue.leaseDue(...request);
        stop.abort();
        return leases;
      },
      release: (...request: Parameters<typeof world.queue.release>) =>
        world.queue.release(...request),
      extend: (...request: Parameters<typeof world.queue.extend>) => world.queue.extend(...request),
    });
    const dispatcher = new Dispatcher({
      queue: stoppedMeanwhile,
      clock: world.clock,
      handlers: [{ type: PLAIN, handle: async ({ id }: Task<undefined>) => void seen.push(id) }],
    });
    await dispatcher.run(stop.signal);
    expect(seen).toEqual([]);
    expect(await world.peek()).toEqual(['a']);
  });
});
