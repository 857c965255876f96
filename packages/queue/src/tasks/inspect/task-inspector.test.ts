import { describe, expect, test } from 'vitest';
import { eachDatabase } from '../../../../../test/support/databases/databases.ts';
import { openTaskWorld, PLAIN } from '../../../../../test/support/tasks/task-world.ts';
import type { TaskPage } from './list-tasks.ts';

const HOUR = 3_600_000;

eachDatabase((open) => {
  describe('an inspector', () => {
    test('lists tasks by state, a page at a time', async () => {
      const { queue, inspector, clock, enqueue, lease } = await openTaskWorld(open);
      await enqueue('a', 'b', 'c');
      await lease('b');
      await queue.enqueue([{ type: PLAIN, id: 'd', processAfter: clock.now() + HOUR }]);
      const list = (page: Partial<TaskPage>) => inspector.list({ limit: 10, ...page });
      expect((await list({})).map(({ id, state }) => [id, state])).toEqual([
        ['a', 'due'],
        ['b', 'leased'],
        ['c', 'due'],
        ['d', 'scheduled'],
      ]);
      expect((await list({ state: 'leased' })).map(({ id }) => id)).toEqual(['b']);
      const [first] = await list({ limit: 1 });
      expect((await list({ limit: 2, after: first })).map(({ id }) => id)).toEqual(['b', 'c']);
      expect(await list({ type: 'other' })).toEqual([]);
    });

    test('counts the due tasks, and says how long the oldest has been due', async () => {
      const { inspector, clock, enqueue } = await openTaskWorld(open);
      expect(await inspector.depth('plain')).toEqual({ due: 0 });
      const enqueuedAt = clock.now();
      await enqueue('a', 'b');
      clock.advance(HOUR);
      expect(await inspector.depth('plain')).toEqual({
        due: 2,
        oldestDueTime: enqueuedAt,
        oldestDueAgeMs: HOUR,
      });
    });

    test('finds living and dead tasks by name', async () => {
      const { queue, inspector, enqueue, lease } = await openTaskWorld(open);
      await enqueue('a', 'b');
      await queue.markDead(await lease('b'), 'bad');
      const a = { type: 'plain', id: 'a' };
      const b = { type: 'plain', id: 'b' };
      expect(await inspector.find(a)).toMatchObject({ id: 'a', state: 'due' });
      expect(await inspector.find(b)).toBeUndefined();
      expect(await inspector.findDead(b)).toMatchObject({ id: 'b', reason: 'bad' });
      expect(await inspector.findDead(a)).toBeUndefined();
      expect(await inspector.listDead({ limit: 10 })).toMatchObject([b]);
    });

    test('looks into the snapshot of a reader that it is given', async () => {
      const { db, inspector, enqueue } = await openTaskWorld(open);
      await enqueue('a');
      const name = { type: 'plain', id: 'a' };
      const seen = await db.read(async (tx) => [
        await inspector.find(name, tx),
        ...(await inspector.list({ limit: 10 }, tx)),
      ]);
      expect(seen).toMatchObject([name, name]);
    });
  });
});
