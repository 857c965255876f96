import { describe, expect, test } from 'vitest';
import { eachDatabase } from '../../../../../test/support/databases/databases.ts';
import { MINUTE, openTaskWorld, PLAIN } from '../../../../../test/support/tasks/task-world.ts';
import { databaseTime } from '../../storage/time.ts';
import { LOOK_BEHIND_MS, readThenCheckClaim, skipLockedClaim } from './claim.ts';

eachDatabase((open, _database, traits) => {
  describe.each([
    ...(traits.skipsLockedRows ? [['in one statement', skipLockedClaim] as const] : []),
    ['by reading, then checking', readThenCheckClaim] as const,
  ])('claim %s', (_name, claimOf) => {
    async function openClaimWorld() {
      const world = await openTaskWorld(open);
      const { db, clock } = world;
      const claim = claimOf({ db, clock, time: databaseTime(db.dialect, clock) });
      return {
        ...world,
        claim: async (limit: number, type = 'plain') => {
          return (await claim({ type, limit, leaseMs: MINUTE })).map(({ id }) => id);
        },
      };
    }

    test('takes the oldest tasks first, up to the limit, and none twice', async () => {
      const { claim, clock, queue } = await openClaimWorld();
      const due = ['c', 'a', 'b'].map((id, index) => ({
        type: PLAIN,
        id,
        processAfter: clock.now() - index,
      }));
      await queue.enqueue(due);
      expect(await claim(2)).toEqual(['b', 'a']);
      expect(await claim(2)).toEqual(['c']);
      expect(await claim(2)).toEqual([]);
    });

    test('takes only tasks of its type', async () => {
      const { claim, enqueue } = await openClaimWorld();
      await enqueue('a');
      expect(await claim(2, 'other')).toEqual([]);
    });

    test('finds a task that appears before its mark', async () => {
      const { claim, clock, enqueue, queue } = await openClaimWorld();
      await enqueue('m', 'n', 'o');
      expect(await claim(1)).toEqual(['m']);
      await queue.enqueue([{ type: PLAIN, id: 'late', processAfter: clock.now() - MINUTE }]);
      clock.advance(LOOK_BEHIND_MS);
      expect(await claim(2)).toEqual(['late', 'n']);
    });

    test('finds a task that appears before its mark at once if nothing else is due', async () => {
      const { claim, clock, enqueue, queue } = await openClaimWorld();
      await enqueue('m');
      expect(await claim(1)).toEqual(['m']);
      await queue.enqueue([{ type: PLAIN, id: 'late', processAfter: clock.now() - MINUTE }]);
      expect(await claim(1)).toEqual(['late']);
    });

    test('takes over a lease that has ended', async () => {
      const { claim, clock, enqueue } = await openClaimWorld();
      await enqueue('a');
      expect(await claim(1)).toEqual(['a']);
      clock.advance(MINUTE - 1);
      expect(await claim(1)).toEqual([]);
      clock.advance(1);
      expect(await claim(1)).toEqual(['a']);
    });

    test('gives each task to one of many concurrent callers', async () => {
      const { claim, enqueue } = await openClaimWorld();
      const ids = Array.from({ length: 60 }, (_, index) => `t${index}`);
      await enqueue(...ids);
      const taken = await Promise.all(Array.from({ length: 6 }, () => claim(20)));
      const rest = await claim(100);
      expect([...taken.flat(), ...rest].sort()).toEqual(ids.sort());
    });

    test('reaches every task, however long the queue is', async () => {
      const { claim, enqueue } = await openClaimWorld();
      const ids = Array.from({ length: 150 }, (_, index) => `t${index}`);
      await enqueue(...ids);
      const taken: string[] = [];
      for (;;) {
        const some = await claim(4);
        taken.push(...some);
        if (some.length === 0) break;
      }
      expect(taken.sort()).toEqual(ids.sort());
    });
  });
});
