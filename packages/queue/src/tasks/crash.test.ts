/** A worker that dies after any step on the database: another one must end in the same state. */
import { describe, expect, test } from 'vitest';
import { eachDatabase } from '../../../../test/support/databases/databases.ts';
import { LETTER, MINUTE, openTaskWorld, PLAIN } from '../../../../test/support/tasks/task-world.ts';
import { PermanentError } from '../foundations/errors.ts';
import type { Database } from '../storage/database.ts';
import { forEachCrash } from '../testing/faults.ts';
import { Dispatcher } from './dispatch/dispatcher.ts';
import type { BatchTaskHandler, TaskHandler } from './dispatch/handler.ts';
import { TaskQueue } from './queue.ts';

type World = Awaited<ReturnType<typeof openTaskWorld>>;

function dispatcherOn(world: World, db: Database, handler: Partial<TaskHandler<undefined>> = {}) {
  const queue = new TaskQueue({ db, clock: world.clock });
  return new Dispatcher({
    queue,
    clock: world.clock,
    random: () => 0.5,
    leaseMs: MINUTE,
    handlers: [
      {
        type: PLAIN,
        handle: async ({ id }, { complete }) => {
          await db.write(async (tx) => {
            const letter = { type: LETTER, id: `${id}/effect`, payload: { to: id } };
            // Each effect has a name, so a second one would be reported as a duplicate, and fail.
            const [outcome] = await queue.enqueue([letter], tx);
            if (outcome !== 'enqueued') throw new PermanentError('a second effect');
            await complete(tx);
          });
        },
        ...handler,
      },
    ],
  });
}

/** Completes the tasks of a batch with their effects, in two transactions. */
function batchDispatcherOn(world: World, db: Database) {
  const queue = new TaskQueue({ db, clock: world.clock });
  const handler: BatchTaskHandler<undefined> = {
    type: PLAIN,
    handleBatch: async (tasks, { complete }) => {
      for (const some of [tasks.slice(0, 2), tasks.slice(2)]) {
        await db.write(async (tx) => {
          const letters = some.map(({ id }) => ({
            type: LETTER,
            id: `${id}/effect`,
            payload: { to: id },
          }));
          const outcomes = await queue.enqueue(letters, tx);
          if (outcomes.includes('duplicate')) throw new PermanentError('a second effect');
          await complete(tx, some);
        });
      }
    },
  };
  return new Dispatcher({ queue, clock: world.clock, leaseMs: MINUTE, handlers: [handler] });
}

eachDatabase((open) => {
  describe('a crash at any step', () => {
    test('of handling leaves each effect exactly once', async () => {
      const steps = await forEachCrash(async (faults) => {
        const world = await openTaskWorld(open);
        await world.enqueue('a', 'b');
        await faults.run(() => dispatcherOn(world, faults.wrap(world.db)).runOnce());
        world.clock.advance(MINUTE);
        await dispatcherOn(world, world.db).runOnce();
        const effects = (await world.living()).map(({ id }) => id);
        expect(effects.sort()).toEqual(['a/effect', 'b/effect']);
        expect(await world.dead()).toEqual([]);
      });
      expect(steps).toBeGreaterThan(4);
    });

    test('of handling a batch leaves each effect exactly once', async () => {
      const steps = await forEachCrash(async (faults) => {
        const world = await openTaskWorld(open);
        await world.enqueue('a', 'b', 'c');
        await faults.run(() => batchDispatcherOn(world, faults.wrap(world.db)).runOnce());
        world.clock.advance(MINUTE);
        await batchDispatcherOn(world, world.db).runOnce();
        const effects = (await world.living()).map(({ id }) => id);
        expect(effects.sort()).toEqual(['a/effect', 'b/effect', 'c/effect']);
        expect(await world.dead()).toEqual([]);
      });
      expect(steps).toBeGreaterThan(4);
    });

    test('of enqueueing leaves all of its transaction or nothing', async () => {
      await forEachCrash(async (faults) => {
        const world = await openTaskWorld(open);
        const order = async (db: Database) => {
          const queue = new TaskQueue({ db, clock: world.clock });
          await db.write(async (tx) => {
            await queue.enqueue([{ type: PLAIN, id: 'a' }], tx);
            await queue.enqueue([{ type: LETTER, id: 'b', payload: { to: 'ada' } }], tx);
          });
        };
        await faults.run(() => order(faults.wrap(world.db)));
        expect([0, 2]).toContain((await world.living()).length);
        await order(world.db);
        expect((await world.living()).map(({ type, id }) => `${type} ${id}`)).toEqual([
          'letter b',
          'plain a',
        ]);
      });
    });

    test('of callers who enqueue at the same time leaves every task whose caller had an answer', async () => {
      await forEachCrash(async (faults) => {
        const world = await openTaskWorld(open);
        const enqueueEach = (db: Database) => {
          const queue = new TaskQueue({ db, clock: world.clock });
          return ['a', 'b', 'c'].map(async (id) => {
            const [outcome] = await queue.enqueue([{ type: PLAIN, id }]);
            return `${id} ${outcome}`;
          });
        };
        const answers = await Promise.allSettled(enqueueEach(faults.wrap(world.db)));
        const kept = (await world.living()).map(({ id }) => `${id} enqueued`);
        const heard = answers.flatMap((answer) => ('value' in answer ? [answer.value] : []));
        expect(kept).toEqual(expect.arrayContaining(heard));
        await Promise.all(enqueueEach(world.db));
        expect((await world.living()).map(({ id }) => id)).toEqual(['a', 'b', 'c']);
      });
    });

    test('of failing leaves the task to the next attempt', async () => {
      const failing = {
        handle: async () => {
          throw new Error('not yet');
        },
      };
      await forEachCrash(async (faults) => {
        const world = await openTaskWorld(open);
        await world.enqueue('a');
        await faults.run(() => dispatcherOn(world, faults.wrap(world.db), failing).runOnce());
        world.clock.advance(MINUTE);
        expect(await world.living()).toMatchObject([{ id: 'a', state: 'due' }]);
        await dispatcherOn(world, world.db).runOnce();
        expect((await world.living()).map(({ id }) => id)).toEqual(['a/effect']);
        expect(await world.dead()).toEqual([]);
      });
    });

    test('of releasing leases leaves the tasks to others', async () => {
      await forEachCrash(async (faults) => {
        const world = await openTaskWorld(open);
        await world.enqueue('a', 'b');
        const dying = new TaskQueue({ db: faults.wrap(world.db), clock: world.clock });
        await faults.run(async () => dying.release(await dying.leaseDue('plain', 2, MINUTE)));
        world.clock.advance(MINUTE);
        await dispatcherOn(world, world.db).runOnce();
        const effects = (await world.living()).map(({ id }) => id);
        expect(effects).toEqual(['a/effect', 'b/effect']);
      });
    });

    test('of marking a task dead leaves it among the dead, or to be marked again', async () => {
      const failing = {
        handle: async () => {
          throw new PermanentError('never');
        },
      };
      await forEachCrash(async (faults) => {
        const world = await openTaskWorld(open);
        await world.enqueue('a');
        await faults.run(() => dispatcherOn(world, faults.wrap(world.db), failing).runOnce());
        world.clock.advance(MINUTE);
        await dispatcherOn(world, world.db, failing).runOnce();
        expect(await world.living()).toEqual([]);
        expect(await world.dead()).toMatchObject([{ id: 'a', reason: 'never' }]);
      });
    });

    test('of redriving loses no task and makes no second one', async () => {
      await forEachCrash(async (faults) => {
        const world = await openTaskWorld(open);
        await world.enqueue('a', 'b', 'c');
        for (const id of ['a', 'b', 'c']) await world.queue.markDead(await world.lease(id), 'bad');
        const dying = new TaskQueue({ db: faults.wrap(world.db), clock: world.clock });
        await faults.run(() => dying.redrive());
        await world.queue.redrive();
        expect((await world.living()).map(({ id }) => id)).toEqual(['a', 'b', 'c']);
        expect(await world.dead()).toEqual([]);
      });
    });
  });
});
