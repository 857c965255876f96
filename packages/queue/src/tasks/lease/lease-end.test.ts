import { describe, expect, test } from 'vitest';
import { eachDatabase } from '../../../../../test/support/databases/databases.ts';
import { MINUTE, openTaskWorld } from '../../../../../test/support/tasks/task-world.ts';

eachDatabase((open) => {
  describe('the end of a lease', () => {
    test.each([
      ['given back', 'release'],
      ['failed', 'retry'],
    ] as const)(
      'a lease whose attempt was %s has ended: nothing is done by it again',
      async (_, end) => {
        const { db, queue, clock, enqueue, lease, living } = await openTaskWorld(open);
        await enqueue('a');
        const first = await lease('a');
        const settle = {
          release: async () => (await queue.release([first]))[0],
          retry: () => queue.retry(first, { error: 'no luck', delayMs: 1_000 }),
          'mark dead': () => queue.markDead(first, 'bad'),
          extend: async () => (await queue.extend([first], MINUTE))[0],
          complete: () => queue.complete(first),
        };
        expect(await settle[end]()).toBe('done');
        const after = await living();
        for (const again of Object.values(settle)) expect(await again()).toBe('lost');
        await expect(db.write((tx) => queue.complete(first, tx))).rejects.toMatchObject({
          code: 'lease-lost',
        });
        expect(await living()).toEqual(after);
        clock.advance(1_000);
        expect(await lease('a')).toMatchObject({ attempt: end === 'release' ? 1 : 2 });
      },
    );
  });
});
