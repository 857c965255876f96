import { describe, expect, test } from 'vitest';
import { eachDatabase } from '../../../../../test/support/databases/databases.ts';
import { MINUTE, PLAIN } from '../../../../../test/support/tasks/task-world.ts';
import { FakeClock } from '../../testing/fake-clock.ts';
import { TaskQueue } from '../queue.ts';

eachDatabase((open) => {
  describe('the fences of a name', () => {
    /** Opens two processes that read the same time, or times that go back. */
    async function openProcesses() {
      const db = await open();
      const clock = new FakeClock();
      const queueAt = (now: number) => new TaskQueue({ db, clock: new FakeClock(now) });
      return { db, first: queueAt(clock.now()), second: queueAt(clock.now()), queueAt, clock };
    }

    async function live(queue: TaskQueue) {
      await queue.enqueue([{ type: PLAIN, id: 'a' }]);
      const lease = await queue.lease('plain', 'a', MINUTE);
      if (!lease) throw new Error('the task is due');
      return lease;
    }

    test('never repeat when a name is used again, by any process and within one instant', async () => {
      const { first, second } = await openProcesses();
      const stale = await live(first);
      await first.complete(stale);
      const next = await live(second);
      expect(next.fence).toBeGreaterThan(stale.fence);
      for (const queue of [first, second]) expect(await queue.complete(stale)).toBe('lost');
      expect(await second.complete(next)).toBe('done');
    });

    test('grow even if the clock of the process that enqueues again was set back', async () => {
      const { first, queueAt, clock } = await openProcesses();
      const stale = await live(first);
      await first.complete(stale);
      const behind = queueAt(clock.now() - 60 * MINUTE);
      const next = await live(behind);
      expect(next.fence).toBeGreaterThan(stale.fence);
      expect(await behind.extend([stale], MINUTE)).toEqual(['lost']);
    });

    test('grow across replacement, death and redrive', async () => {
      const { db, first, second } = await openProcesses();
      const fences: number[] = [];
      const replaced = await live(first);
      await db.write((tx) => second.replace([{ type: PLAIN, id: 'a' }], tx));
      expect(await first.complete(replaced)).toBe('lost');
      const dead = await live(second);
      await second.markDead(dead, 'enough');
      await first.redrive();
      expect(await second.complete(dead)).toBe('lost');
      const redriven = await live(first);
      for (const { fence } of [replaced, dead, redriven]) fences.push(fence);
      expect(fences).toEqual([...new Set(fences)].sort((a, b) => a - b));
    });
  });
});
