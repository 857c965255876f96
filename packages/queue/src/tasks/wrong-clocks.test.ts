/** Workers whose clocks are wrong, and are set while they work: due times and leases follow the database's clock. */
import { describe, expect, test } from 'vitest';
import { eachDatabase } from '../../../../test/support/databases/databases.ts';
import { MINUTE, PLAIN } from '../../../../test/support/tasks/task-world.ts';
import { type Clock, systemClock } from '../foundations/clock.ts';
import type { Database } from '../storage/database.ts';
import { Dispatcher } from './dispatch/dispatcher.ts';
import { TaskInspector } from './inspect/task-inspector.ts';
import { TaskQueue } from './queue.ts';
import type { Lease } from './task.ts';

const HOUR = 60 * MINUTE;
const SECOND = 1_000;
const TASKS = 12;

/** Opens a worker: its machine's clock, and its queue. */
function openWorker(db: Database, offsetMs: number) {
  let offset = offsetMs;
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + offset };
  return {
    clock,
    queue: new TaskQueue({ db, clock }),
    inspector: new TaskInspector({ db, clock }),
    set: (byMs: number) => {
      offset += byMs;
    },
  };
}

function openWorkers(db: Database) {
  return [10 * MINUTE, -10 * MINUTE, 0].map((offsetMs) => openWorker(db, offsetMs));
}

eachDatabase((open) => {
  describe('workers whose clocks are wrong, and are set by an hour', () => {
    test('steal no live lease and leave no due task', async () => {
      const db = await open();
      const workers = openWorkers(db);
      const leases: { readonly lease: Lease; readonly worker: (typeof workers)[number] }[] = [];
      for (const [number, worker] of workers.entries()) {
        const ids = Array.from({ length: TASKS }, (_, index) => `t${number}-${index}`);
        await worker.queue.enqueue(ids.map((id) => ({ type: PLAIN, id })));
      }
      const takeAll = async (limit: number) => {
        for (const worker of workers) {
          for (const lease of await worker.queue.leaseDue('plain', limit, MINUTE)) {
            leases.push({ lease, worker });
          }
        }
      };
      await takeAll(6);
      for (const [index, worker] of workers.entries()) worker.set(index % 2 === 0 ? HOUR : -HOUR);
      await takeAll(6);
      for (const worker of workers) worker.set(-HOUR);
      await takeAll(3 * TASKS);
      await takeAll(3 * TASKS);
      expect(new Set(leases.map(({ lease }) => lease.id)).size).toBe(3 * TASKS);
      expect(leases).toHaveLength(3 * TASKS);
      for (const { lease, worker } of leases) {
        expect(await worker.queue.extend([lease], MINUTE)).toEqual(['done']);
        expect(await worker.queue.complete(lease)).toBe('done');
      }
    });

    test('lease for as long as they asked, and write due times as they were meant', async () => {
      const db = await open();
      for (const { queue, inspector, set } of openWorkers(db)) {
        set(-HOUR);
        const before = await db.serverTime();
        await queue.enqueue([{ type: PLAIN, id: 'now' }]);
        await queue.enqueue([{ type: PLAIN, id: 'later', delayMs: HOUR }]);
        const now = await queue.lease('plain', 'now', MINUTE);
        const failed = await queue.lease('plain', 'now', MINUTE);
        const later = await inspector.find({ type: 'plain', id: 'later' });
        const after = await db.serverTime();
        if (!now || !later) throw new Error('a task is not there');
        expect(failed).toBeUndefined();
        expectBetween(now.leaseUntil, before + MINUTE, after + MINUTE);
        expectBetween(now.createTime, before - SECOND, after + SECOND);
        expectBetween(later.processAfter, before + HOUR - SECOND, after + HOUR + SECOND);
        expect(later.state).toBe('scheduled');
        await queue.retry(now, { error: 'no', delayMs: HOUR });
        expect(await queue.leaseDue('plain', 10, MINUTE)).toEqual([]);
        const retried = await inspector.find({ type: 'plain', id: 'now' });
        const end = await db.serverTime();
        expectBetween(retried?.processAfter, after + HOUR - SECOND, end + HOUR + SECOND);
        await db.write((tx) => queue.replace([{ type: PLAIN, id: 'now' }], tx));
        const again = await queue.lease('plain', 'now', MINUTE);
        if (!again) throw new Error('a task that was replaced is due');
        await queue.markDead(again, 'enough');
        const [dead] = await inspector.listDead({ limit: 1 });
        expectBetween(dead?.deadTime, end - SECOND, (await db.serverTime()) + SECOND);
        await db.write((tx) => queue.replace([{ type: PLAIN, id: 'later' }], tx));
        await queue.completeAll(await queue.leaseDue('plain', 10, MINUTE));
      }
    });

    test('serve each task once, whichever worker enqueued it', async () => {
      const db = await open();
      const workers = openWorkers(db);
      const handled: string[] = [];
      const dispatchers = workers.map(
        ({ queue, clock, set }) =>
          new Dispatcher({
            queue,
            clock,
            handlers: [
              {
                type: PLAIN,
                handle: async ({ id }) => {
                  set(handled.length % 2 === 0 ? HOUR : -HOUR);
                  handled.push(id);
                },
              },
            ],
          }),
      );
      for (const [number, { queue }] of workers.entries()) {
        await queue.enqueue(['x', 'y'].map((id) => ({ type: PLAIN, id: `${id}${number}` })));
      }
      await Promise.all(dispatchers.map((dispatcher) => dispatcher.runOnce()));
      for (const dispatcher of dispatchers) await dispatcher.runOnce();
      expect(handled.sort()).toEqual(['x0', 'x1', 'x2', 'y0', 'y1', 'y2']);
    });
  });
});

function expectBetween(time: number | undefined, low: number, high: number): void {
  expect(time).toBeGreaterThanOrEqual(low);
  expect(time).toBeLessThanOrEqual(high);
}
