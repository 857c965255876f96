/** Handlers that take many tasks at a time: each task is settled on its own. */
import { describe, expect, test } from 'vitest';
import { eachDatabase } from '../../../../../test/support/databases/databases.ts';
import { Signal } from '../../../../../test/support/signal.ts';
import { openBatchWorld } from '../../../../../test/support/tasks/dispatcher-world.ts';
import {
  LETTER,
  MINUTE,
  openTaskWorld,
  PLAIN,
} from '../../../../../test/support/tasks/task-world.ts';
import { CodedError, PermanentError } from '../../foundations/errors.ts';
import { taskType } from '../task.ts';
import { Dispatcher } from './dispatcher.ts';
import type { Task } from './handler.ts';

const idsOf = (tasks: readonly Task[]): string => tasks.map(({ id }) => id).join('');

eachDatabase((open) => {
  const openWorld = openBatchWorld(open);

  describe('a batch', () => {
    test('has the tasks that were leased together, at most maxBatch, and completes them', async () => {
      const batches: string[] = [];
      const world = await openWorld(async (tasks) => void batches.push(idsOf(tasks)), {
        maxBatch: 3,
      });
      await world.enqueue('a', 'b', 'c', 'd', 'e');
      expect(await world.dispatcher.runOnce()).toBe(5);
      expect(batches).toEqual(['abc', 'de']);
      expect(await world.living()).toEqual([]);
      expect(world.outcomes).toEqual(Array.from({ length: 5 }, () => 'done'));
    });

    test('fails single tasks with an error and a pause of their own', async () => {
      const world = await openWorld(async (tasks, { fail }) => {
        const [a, b, c] = tasks as [Task<undefined>, Task<undefined>, Task<undefined>];
        fail(a, new Error('not a'), { delayMs: 7_000 });
        fail(b, new PermanentError('never b'));
        fail(c, new Error('not c'));
        fail(c, new PermanentError('a second word'));
      });
      await world.enqueue('a', 'b', 'c', 'd');
      await world.dispatcher.runOnce();
      const now = world.clock.now();
      expect(await world.living()).toMatchObject([
        { id: 'c', lastError: 'not c', processAfter: now + 500 },
        { id: 'a', lastError: 'not a', processAfter: now + 7_000 },
      ]);
      expect(await world.dead()).toMatchObject([{ id: 'b', reason: 'never b' }]);
      expect(world.outcomes.toSorted()).toEqual(['dead', 'done', 'retry', 'retry']);
    });

    test('that throws is handed over in halves, until only the poisonous task fails', async () => {
      const batches: string[] = [];
      const world = await openWorld(async (tasks) => {
        batches.push(idsOf(tasks));
        if (idsOf(tasks).includes('c')) throw new Error('c is poison');
      });
      await world.enqueue('a', 'b', 'c', 'd', 'e');
      await world.dispatcher.runOnce();
      expect(batches).toEqual(['abcde', 'abc', 'ab', 'c', 'de']);
      expect(await world.living()).toMatchObject([
        { id: 'c', attempt: 1, lastError: 'c is poison' },
      ]);
      const warnings = world.log.lines.filter(({ level }) => level === 'warn');
      expect(warnings.map(({ message }) => message)).toEqual([
        'a batch failed: its tasks are handed over again, in halves',
        'attempt failed',
      ]);
    });

    test('that throws does not repeat what it has said of its tasks', async () => {
      const batches: string[] = [];
      const world = await openWorld(async (tasks, { done, fail }) => {
        batches.push(idsOf(tasks));
        for (const task of tasks) {
          if (task.id === 'a') done(task);
          if (task.id === 'b') fail(task, new Error('not b'));
        }
        if (tasks.length > 1) throw new Error('too many');
      });
      await world.enqueue('a', 'b', 'c');
      await world.dispatcher.runOnce();
      expect(batches).toEqual(['abc', 'c']);
      expect(await world.living()).toMatchObject([{ id: 'b', lastError: 'not b' }]);
    });

    test('leaves out a task that cannot be decoded', async () => {
      const sent: string[] = [];
      const world = await openTaskWorld(open);
      await world.queue.enqueue([{ type: LETTER, id: 'good', payload: { to: 'ada' } }]);
      await world.queue.enqueue([{ type: taskType('letter', PLAIN.payload), id: 'bad' }]);
      const handleBatch = async (tasks: readonly Task<{ to: string }>[]): Promise<void> => {
        sent.push(...tasks.map(({ payload }) => payload.to));
      };
      const handlers = [{ type: LETTER, handleBatch }];
      const dispatcher = new Dispatcher({ queue: world.queue, clock: world.clock, handlers });
      await dispatcher.runOnce();
      expect(sent).toEqual(['ada']);
      expect(await world.dead()).toMatchObject([{ id: 'bad' }]);
    });

    test('has no task whose process died before: that one is alone', async () => {
      const batches: string[] = [];
      const world = await openWorld(async (tasks) => void batches.push(idsOf(tasks)));
      await world.enqueue('a', 'b', 'c');
      await world.queue.lease('plain', 'b', MINUTE);
      world.clock.advance(MINUTE);
      await world.dispatcher.runOnce();
      expect(batches.toSorted()).toEqual(['ac', 'b']);
      expect(await world.living()).toEqual([]);
    });

    test('knows only its own tasks, and only pauses that can be', async () => {
      const thrown: unknown[] = [];
      const world = await openWorld(async ([task], { done, fail }) => {
        if (task === undefined) return;
        for (const wrong of [
          () => done({ ...task, id: 'other' }),
          () => fail(task, new Error('no'), { delayMs: -1 }),
        ]) {
          try {
            wrong();
          } catch (error) {
            thrown.push(error);
          }
        }
      });
      await world.enqueue('a');
      await world.dispatcher.runOnce();
      const refused = { code: 'invalid-argument' };
      expect(thrown).toMatchObject([refused, refused]);
      expect(await world.living()).toEqual([]);
    });
  });

  describe('completion in the transaction of a batch', () => {
    test('takes effect once, with what it writes', async () => {
      const world = await openWorld(async (tasks, { complete }) => {
        await world.db.write(async (tx) => {
          await world.queue.enqueue([letter(idsOf(tasks))], tx);
          await complete(tx, tasks);
        });
        throw new PermanentError('after the commit');
      });
      await world.enqueue('a', 'b', 'c');
      await world.dispatcher.runOnce();
      expect((await world.living()).map(({ id }) => id)).toEqual(['abc']);
      expect(world.outcomes).toEqual(['done', 'done', 'done']);
    });

    test('of some tasks leaves the others to the rest of the batch', async () => {
      const world = await openWorld(async (tasks, { complete, fail, isOpen }) => {
        const [first] = tasks;
        await world.db.write((tx) => complete(tx, first ? [first] : []));
        for (const task of tasks.filter(isOpen)) fail(task, new Error('not yet'));
      });
      await world.enqueue('a', 'b', 'c');
      await world.dispatcher.runOnce();
      expect((await world.living()).map(({ id, lastError }) => [id, lastError])).toEqual([
        ['b', 'not yet'],
        ['c', 'not yet'],
      ]);
    });

    test('is rolled back if one lease is lost, and is made again without that task', async () => {
      const batches: string[] = [];
      const world = await openWorld(async (tasks, { complete }) => {
        batches.push(idsOf(tasks));
        if (batches.length === 1) {
          world.clock.advance(MINUTE);
          await world.lease('b');
        }
        await world.db.write(async (tx) => {
          await world.queue.enqueue([letter(idsOf(tasks))], tx);
          await complete(tx, tasks);
        });
      });
      await world.enqueue('a', 'b', 'c');
      await world.dispatcher.runOnce();
      expect(batches).toEqual(['abc', 'ac']);
      expect((await world.living()).map(({ id, state }) => `${id} ${state}`).toSorted()).toEqual([
        'ac due',
        'b leased',
      ]);
      expect(world.outcomes.toSorted()).toEqual(['done', 'done', 'lost']);
    });

    test('that is rolled back leaves its tasks to be handed over again', async () => {
      const world = await openWorld(async (tasks, { complete }) => {
        await world.db.write(async (tx) => {
          await complete(tx, tasks);
          if (tasks.length > 1) throw new CodedError('conflict', 'too many');
        });
      });
      await world.enqueue('a', 'b', 'c', 'd');
      await world.dispatcher.runOnce();
      expect(await world.living()).toEqual([]);
      expect(world.outcomes).toEqual(['done', 'done', 'done', 'done']);
    });
  });

  describe('a batch that runs', () => {
    test('loses a task with its lease, and is aborted when none is left', async () => {
      const began = new Signal();
      const mayEnd = new Signal();
      const seen: unknown[] = [];
      const world = await openWorld(async (tasks, { isOpen, signal }) => {
        began.emit();
        await mayEnd.next();
        seen.push(idsOf(tasks.filter(isOpen)), signal.aborted);
        began.emit();
        await mayEnd.next();
        seen.push(idsOf(tasks.filter(isOpen)), signal.aborted);
        began.emit();
      });
      await world.enqueue('a', 'b');
      const running = world.dispatcher.runOnce();
      await began.next();
      world.clock.advance(MINUTE);
      await world.queue.complete(await world.lease('a'));
      await world.dispatcher.heartbeat.beat(); // extends b
      mayEnd.emit();
      await began.next();
      world.clock.advance(MINUTE);
      await world.queue.complete(await world.lease('b'));
      await world.dispatcher.heartbeat.beat();
      mayEnd.emit();
      await began.next();
      await running;
      expect(seen).toEqual(['b', false, '', true]);
      expect(world.outcomes).toEqual(['lost', 'lost']);
    });

    test('fails as a whole when its time is up', async () => {
      const began = new Signal();
      const world = await openWorld(
        async () => {
          began.emit();
          await new Promise(() => undefined);
        },
        { handler: { maxRunMs: MINUTE } },
      );
      await world.enqueue('a', 'b');
      const running = world.dispatcher.runOnce();
      await began.next();
      world.clock.advance(MINUTE + 1);
      await world.dispatcher.heartbeat.beat();
      await running;
      const errors = (await world.living()).map(({ lastError }) => lastError);
      expect(errors).toEqual(
        Array.from({ length: 2 }, () => expect.stringContaining('out-of-time')),
      );
    });

    test('takes one worker, and tells the log of each task', async () => {
      const began = new Signal<string>();
      const mayEnd = new Signal();
      const world = await openWorld(
        async (tasks) => {
          began.emit(idsOf(tasks));
          await mayEnd.next();
        },
        { workers: 1, maxBatch: 2, isDebugEnabled: true },
      );
      await world.enqueue('a', 'b', 'c');
      const running = world.dispatcher.runOnce();
      expect(await began.next()).toBe('ab');
      expect(await world.peek()).toEqual(['c']);
      mayEnd.emit();
      expect(await began.next()).toBe('c');
      mayEnd.emit();
      await running;
      const ended = world.log.lines.filter(({ message }) => message === 'task completed');
      expect(ended.map(({ fields }) => fields?.id)).toEqual(['a', 'b', 'c']);
    });

    test('is released when the process is told to stop and the grace period is over', async () => {
      const began = new Signal();
      const world = await openWorld(
        async (_tasks, { signal }) => {
          began.emit();
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
        },
        { graceMs: 1_000, pollMs: 1 },
      );
      await world.enqueue('a', 'b');
      const stop = new AbortController();
      const serving = world.dispatcher.run(stop.signal);
      await began.next();
      stop.abort();
      await world.clock.untilSleepers(2);
      world.clock.advance(1_000);
      await serving;
      expect((await world.living()).map(({ id, attempt, state }) => [id, attempt, state])).toEqual([
        ['a', 0, 'due'],
        ['b', 0, 'due'],
      ]);
      expect(world.outcomes).toEqual(['released', 'released']);
    });
  });
});

function letter(id: string) {
  return { type: LETTER, id, payload: { to: id } };
}
