/** What a dispatcher logs about the life of its tasks at debug. */
import { describe, expect, test } from 'vitest';
import { eachDatabase } from '../../../../../test/support/databases/databases.ts';
import type { RecordingLog } from '../../../../../test/support/recording-log.ts';
import { Signal } from '../../../../../test/support/signal.ts';
import { openDispatcherWorld } from '../../../../../test/support/tasks/dispatcher-world.ts';
import { MINUTE } from '../../../../../test/support/tasks/task-world.ts';

const DEBUG = { owner: 'worker-1', isDebugEnabled: true };
const TASK_A = { type: 'plain', id: 'a', attempt: 1, owner: 'worker-1' };

function debugLines({ lines }: RecordingLog) {
  return lines
    .filter(({ level }) => level === 'debug')
    .map(({ message, fields }) => ({ message, ...fields }));
}

eachDatabase((open) => {
  const openWorld = openDispatcherWorld(open);

  describe('the log of a dispatcher, at debug', () => {
    test('says when a task is leased, when its attempt begins, and when it is completed', async () => {
      const world = await openWorld(async () => world.clock.advance(250), DEBUG);
      await world.enqueue('a');
      const leaseUntil = new Date(world.clock.now() + MINUTE).toISOString();
      await world.dispatcher.runOnce();
      expect(world.log.lines.map(({ level }) => level)).toEqual(['debug', 'debug', 'debug']);
      expect(debugLines(world.log)).toEqual([
        { message: 'task leased', ...TASK_A, leaseUntil },
        { message: 'attempt begun', ...TASK_A },
        { message: 'task completed', ...TASK_A, durationMs: 250 },
      ]);
    });

    test('names the owner in the lines of failures, too, which have levels of their own', async () => {
      const fail = async () => {
        throw new Error('no');
      };
      const world = await openWorld(fail, { ...DEBUG, handler: { maxAttempts: 2 } });
      await world.enqueue('a');
      await world.dispatcher.runOnce();
      world.clock.advance(MINUTE);
      await world.dispatcher.runOnce();
      expect(world.log.lines).toMatchObject([
        { message: 'task leased' },
        { message: 'attempt begun' },
        { level: 'warn', message: 'attempt failed', fields: TASK_A },
        { message: 'task leased' },
        { message: 'attempt begun' },
        { level: 'error', message: 'task is dead', fields: { ...TASK_A, attempt: 2 } },
      ]);
    });

    test('says when a lease is extended, and when it is lost', async () => {
      const begun = new Signal();
      const world = await openWorld(async (_task, { signal }) => {
        begun.emit();
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      }, DEBUG);
      await world.enqueue('a');
      const running = world.dispatcher.runOnce();
      await begun.next();
      world.clock.advance(MINUTE / 3);
      await world.dispatcher.heartbeat.beat();
      world.clock.advance(MINUTE);
      await world.lease('a');
      await world.dispatcher.heartbeat.beat();
      await running;
      const durationMs = MINUTE / 3 + MINUTE;
      expect(debugLines(world.log).slice(2)).toEqual([
        { message: 'lease extended', ...TASK_A, leaseMs: MINUTE },
        { message: 'lease lost', ...TASK_A, durationMs },
      ]);
    });

    test('says what a dispatcher releases when it is told to stop, and that it is drained', async () => {
      const begun = new Signal();
      const mayEnd = new Signal();
      const stop = new AbortController();
      const world = await openWorld(
        async ({ id }) => {
          if (id !== 'b') return;
          begun.emit();
          await mayEnd.next();
        },
        { ...DEBUG, workers: 1 },
      );
      // The first is done at once, so that the next two are leased together.
      await world.enqueue('a', 'b', 'c');
      const running = world.dispatcher.run(stop.signal);
      await begun.next();
      stop.abort();
      mayEnd.emit();
      await running;
      const lines = debugLines(world.log);
      expect(lines).toContainEqual({
        message: 'task released',
        ...TASK_A,
        id: 'c',
        durationMs: 0,
      });
      expect(lines.at(-1)).toEqual({ message: 'dispatcher drained', owner: 'worker-1' });
    });

    test('has no such lines while debug is off', async () => {
      const world = await openWorld(async () => undefined);
      await world.enqueue('a');
      await world.dispatcher.runOnce();
      expect(world.log.lines).toEqual([]);
    });
  });
});
