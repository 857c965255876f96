import { describe, expect, test } from 'vitest';
import { eachDatabase } from '../../../../test/support/databases/databases.ts';
import { LETTER, MINUTE, openTaskWorld, PLAIN } from '../../../../test/support/tasks/task-world.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { bytesPayload } from './payload.ts';
import { TaskQueue } from './queue.ts';
import { taskType } from './task.ts';

const HOUR = 60 * MINUTE;

eachDatabase((open) => {
  describe('enqueue', () => {
    test('reports an id that is alive already, and adds the others', async () => {
      const world = await openTaskWorld(open);
      expect(await world.enqueue('a')).toEqual(['enqueued']);
      expect(await world.enqueue('a', 'b', 'b')).toEqual(['duplicate', 'enqueued', 'duplicate']);
      expect(await world.peek()).toEqual(['a', 'b']);
    });

    test.each([true, false])(
      'gives each of many callers its own outcome (gather: %s)',
      async (gather) => {
        const { db, clock, living } = await openTaskWorld(open);
        const queue = new TaskQueue({ db, clock, gather });
        const ids = ['a', 'b', 'a', 'c', 'b', 'd'];
        const calls = ids.map((id) => queue.enqueue([{ type: PLAIN, id }]));
        const bad = queue.enqueue([{ type: PLAIN, id: 'bad\0' }]);
        await expect(bad).rejects.toMatchObject({ code: 'invalid-argument' });
        const outcomes = (await Promise.all(calls)).flat();
        expect(outcomes.toSorted()).toEqual([
          ...['duplicate', 'duplicate'],
          ...['enqueued', 'enqueued', 'enqueued', 'enqueued'],
        ]);
        expect((await living()).map(({ id }) => id)).toEqual(['a', 'b', 'c', 'd']);
      },
    );

    test('keeps tasks if and only if the transaction commits', async () => {
      const { db, queue, peek } = await openTaskWorld(open);
      const failing = db.write(async (tx) => {
        await queue.enqueue([{ type: PLAIN, id: 'lost' }], tx);
        throw new Error('rolled back');
      });
      await expect(failing).rejects.toThrow('rolled back');
      await db.write((tx) => queue.enqueue([{ type: PLAIN, id: 'kept' }], tx));
      expect(await peek()).toEqual(['kept']);
    });

    test('a duplicate does not abort its transaction', async () => {
      const { db, queue, enqueue, peek } = await openTaskWorld(open);
      await enqueue('a');
      const outcomes = await db.write((tx) =>
        queue.enqueue(
          ['a', 'b'].map((id) => ({ type: PLAIN, id })),
          tx,
        ),
      );
      expect(outcomes).toEqual(['duplicate', 'enqueued']);
      expect(await peek()).toEqual(['a', 'b']);
    });

    test.each([
      ['an empty id', { id: '' }],
      ['an id that is too long', { id: 'é'.repeat(257) }],
      ['an id with NUL', { id: 'a\0b' }],
      ['an id that is half a character', { id: 'a\ud800' }],
      ['a subject with NUL', { subject: 'a\0b' }],
      ['an empty subject', { subject: '' }],
      ['a type made by hand, without a name', { type: { ...PLAIN, name: '' } }],
      ['a time that is no number', { processAfter: Number.NaN }],
      ['a time before 1970', { processAfter: -1 }],
      ['a time without end', { processAfter: Number.POSITIVE_INFINITY }],
    ])('refuses %s', async (_name, wrong) => {
      const { queue } = await openTaskWorld(open);
      const enqueuing = queue.enqueue([{ type: PLAIN, id: 'a', ...wrong }]);
      await expect(enqueuing).rejects.toMatchObject({ code: 'invalid-argument' });
    });

    test.each(['', 'x'.repeat(65), 'with blank'])('refuses the type %j', (name) => {
      expect(() => taskType(name, bytesPayload)).toThrow(/task type/);
    });
  });

  describe('replace', () => {
    test('keeps tasks if and only if the transaction commits', async () => {
      const { db, queue, peek } = await openTaskWorld(open);
      const failing = db.write(async (tx) => {
        await queue.replace([{ type: PLAIN, id: 'lost' }], tx);
        throw new Error('rolled back');
      });
      await expect(failing).rejects.toThrow('rolled back');
      await db.write((tx) => queue.replace([{ type: PLAIN, id: 'kept' }], tx));
      expect(await peek()).toEqual(['kept']);
    });

    test('starts the attempts at a living task again, and fences out the holder of its lease', async () => {
      const { db, queue, enqueue, peek } = await openTaskWorld(open);
      await enqueue('a');
      const held = await queue.lease('plain', 'a', MINUTE);
      await db.write((tx) => queue.replace([{ type: PLAIN, id: 'a' }], tx));
      expect(await peek()).toEqual(['a']);
      expect(held && (await queue.complete(held))).toBe('lost');
      const next = await queue.lease('plain', 'a', MINUTE);
      expect(next?.attempt).toBe(1);
      expect(next && (await queue.complete(next))).toBe('done');
      expect(await peek()).toEqual([]);
    });
  });

  describe('peek', () => {
    test('yields due tasks, oldest first', async () => {
      const { queue, clock, peek } = await openTaskWorld(open);
      await queue.enqueue([
        { type: PLAIN, id: 'young', processAfter: clock.now() - 1 },
        { type: PLAIN, id: 'old', processAfter: clock.now() - HOUR },
        { type: PLAIN, id: 'now', processAfter: clock.now() },
        { type: PLAIN, id: 'later', processAfter: clock.now() + 1 },
      ]);
      expect(await peek()).toEqual(['old', 'young', 'now']);
    });

    test('leaves out leased tasks until their leases end', async () => {
      const { clock, enqueue, lease, peek } = await openTaskWorld(open);
      await enqueue('a', 'b');
      await lease('a');
      expect(await peek()).toEqual(['b']);
      clock.advance(MINUTE);
      expect(await peek()).toEqual(['a', 'b']);
    });

    test('reads page after page', async () => {
      const { enqueue, peek } = await openTaskWorld(open);
      const ids = Array.from({ length: 1_203 }, (_, index) => String(index).padStart(5, '0'));
      await enqueue(...ids);
      expect(await peek()).toEqual(ids);
    });
  });

  describe('lease', () => {
    test('returns what was enqueued, and the number of the attempt', async () => {
      const { queue, clock } = await openTaskWorld(open);
      const payload = { to: 'ada' };
      await queue.enqueue([{ type: LETTER, id: 'x', subject: 'inv', payload }]);
      const lease = await queue.lease('letter', 'x', MINUTE);
      expect(lease).toMatchObject({
        id: 'x',
        subject: 'inv',
        attempt: 1,
        lastError: undefined,
      });
      expect(lease?.leaseUntil).toBe(clock.now() + MINUTE);
      expect(await LETTER.payload.decode(lease?.payload)).toEqual(payload);
    });

    test('returns nothing if a task is leased, missing, or not due', async () => {
      const { queue, clock, enqueue, lease } = await openTaskWorld(open);
      await enqueue('taken');
      await lease('taken');
      await queue.enqueue([{ type: PLAIN, id: 'later', processAfter: clock.now() + HOUR }]);
      for (const id of ['taken', 'missing', 'later']) {
        expect(await queue.lease('plain', id, MINUTE)).toBeUndefined();
      }
    });

    test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('refuses one of %d ms', async (ms) => {
      const { queue, enqueue } = await openTaskWorld(open);
      await enqueue('a');
      await expect(queue.lease('plain', 'a', ms)).rejects.toMatchObject({
        code: 'invalid-argument',
      });
      await expect(queue.leaseDue('plain', 1, ms)).rejects.toMatchObject({
        code: 'invalid-argument',
      });
    });

    test('is not extended by 0 ms or less', async () => {
      const { queue, enqueue, lease, living } = await openTaskWorld(open);
      await enqueue('a');
      const held = await lease('a');
      const before = await living();
      const extending = queue.extend([held], -1);
      await expect(extending).rejects.toMatchObject({ code: 'invalid-argument' });
      expect(await living()).toEqual(before);
    });
  });

  describe('the fence', () => {
    test('keeps out a worker whose lease another one has taken over', async () => {
      const { queue, clock, enqueue, lease, living } = await openTaskWorld(open);
      await enqueue('a');
      const stale = await lease('a');
      clock.advance(MINUTE);
      const fresh = await lease('a');
      expect(fresh.attempt).toBe(2);
      const before = await living();

      expect(await queue.complete(stale)).toBe('lost');
      expect(await queue.retry(stale, { error: 'x', delayMs: 0 })).toBe('lost');
      expect(await queue.release([stale])).toEqual(['lost']);
      expect(await queue.extend([stale], HOUR)).toEqual(['lost']);
      expect(await queue.markDead(stale, 'x')).toBe('lost');
      expect(await living()).toEqual(before);
      expect(await queue.complete(fresh)).toBe('done');
    });

    test('holds after its time has passed until another attempt begins', async () => {
      const { queue, clock, enqueue, lease } = await openTaskWorld(open);
      await enqueue('a');
      const late = await lease('a');
      clock.advance(HOUR);
      expect(await queue.complete(late)).toBe('done');
    });

    test('tells a task from a later one of the same name', async () => {
      const { queue, clock, enqueue, lease, peek } = await openTaskWorld(open);
      await enqueue('a');
      const stale = await lease('a');
      clock.advance(MINUTE);
      await queue.complete(await lease('a'));
      await enqueue('a');
      await lease('a').then((again) => queue.release([again]));
      expect(await queue.complete(stale)).toBe('lost');
      expect(await peek()).toEqual(['a']);
    });

    test('does so even within one instant, however often', async () => {
      const { queue, enqueue, lease } = await openTaskWorld(open);
      await enqueue('a');
      const first = await lease('a');
      await queue.release([first]);
      await queue.complete(await lease('a'));
      await enqueue('a');
      expect(await queue.complete(first)).toBe('lost');
      const second = await lease('a');
      expect(await queue.complete(first)).toBe('lost');
      await queue.markDead(second, 'bad');
      await queue.redrive();
      expect(await queue.complete(second)).toBe('lost');
      const third = await lease('a');
      expect(await queue.complete(second)).toBe('lost');
      expect(third.fence).toBeGreaterThan(second.fence);
      expect(await queue.complete(third)).toBe('done');
    });

    test('grows with a redrive by a machine whose clock is slow', async () => {
      const { db, queue, clock, enqueue, lease } = await openTaskWorld(open);
      await enqueue('a');
      const before = await lease('a');
      await queue.markDead(before, 'bad');
      const behind = new TaskQueue({ db, clock: new FakeClock(clock.now() - HOUR) });
      await behind.redrive();
      expect((await lease('a')).fence).toBeGreaterThan(before.fence);
    });

    test('is checked for each lease of a batch', async () => {
      const { queue, clock, enqueue, lease } = await openTaskWorld(open);
      await enqueue('a', 'b', 'c');
      const [a, b, c] = [await lease('a'), await lease('b'), await lease('c')];
      clock.advance(MINUTE);
      await lease('b');
      expect(await queue.completeAll([a, b, c])).toEqual(['done', 'lost', 'done']);
    });
  });

  describe('complete in a transaction', () => {
    test('commits together with the other writes of the transaction', async () => {
      const { db, queue, enqueue, lease, peek } = await openTaskWorld(open);
      await enqueue('a');
      const held = await lease('a');
      await db.write(async (tx) => {
        await queue.enqueue([{ type: PLAIN, id: 'effect' }], tx);
        await queue.complete(held, tx);
      });
      expect(await peek()).toEqual(['effect']);
      expect(await queue.complete(held)).toBe('lost');
    });

    test('rolls everything back if another attempt has begun', async () => {
      const { db, queue, clock, enqueue, lease, living } = await openTaskWorld(open);
      await enqueue('a');
      const stale = await lease('a');
      clock.advance(MINUTE);
      await lease('a');
      const late = db.write(async (tx) => {
        await queue.enqueue([{ type: PLAIN, id: 'effect' }], tx);
        await queue.complete(stale, tx);
      });
      await expect(late).rejects.toMatchObject({ code: 'lease-lost' });
      expect((await living()).map(({ id }) => id)).toEqual(['a']);
    });
  });

  describe('retry, release, extend', () => {
    test('a retried task comes back after its delay, with its error', async () => {
      const { queue, clock, enqueue, lease, peek } = await openTaskWorld(open);
      await enqueue('a');
      await queue.retry(await lease('a'), { error: 'no \0 luck', delayMs: 5_000 });
      expect(await peek()).toEqual([]);
      clock.advance(5_000);
      expect(await lease('a')).toMatchObject({ attempt: 2, lastError: 'no \ufffd luck' });
    });

    test('a released task is free at once, and its attempt does not count', async () => {
      const { queue, enqueue, lease } = await openTaskWorld(open);
      await enqueue('a');
      const first = await lease('a');
      expect(await queue.release([first])).toEqual(['done']);
      const second = await lease('a');
      expect(second.attempt).toBe(1);
      expect(await queue.complete(first)).toBe('lost');
    });

    test('an extended lease keeps others out for longer', async () => {
      const { queue, clock, enqueue, lease, peek } = await openTaskWorld(open);
      await enqueue('a');
      const held = await lease('a');
      clock.advance(MINUTE - 1);
      expect(await queue.extend([held], MINUTE)).toEqual(['done']);
      clock.advance(MINUTE - 1);
      expect(await peek()).toEqual([]);
      clock.advance(1);
      expect(await peek()).toEqual(['a']);
    });
  });

  describe('dead tasks', () => {
    async function withDead(...ids: string[]) {
      const world = await openTaskWorld(open);
      await world.enqueue(...ids);
      for (const id of ids) await world.queue.markDead(await world.lease(id), `reason of ${id}`);
      return world;
    }

    test('are kept with their reason', async () => {
      const { dead, peek } = await withDead('a');
      expect(await peek()).toEqual([]);
      expect(await dead()).toMatchObject([{ id: 'a', reason: 'reason of a', attempt: 1 }]);
    });

    test('are redriven with fresh attempts: one, all of a type, or all', async () => {
      const { queue, dead, lease } = await withDead('a', 'b', 'c');
      expect(await queue.redrive({ type: 'plain', id: 'b' })).toBe(1);
      expect(await lease('b')).toMatchObject({ attempt: 1, lastError: 'reason of b' });
      expect(await queue.redrive({ type: 'other' })).toBe(0);
      expect(await queue.redrive({ type: 'plain' })).toBe(2);
      expect(await queue.redrive()).toBe(0);
      expect(await dead()).toEqual([]);
    });

    test('fence out their earlier holders', async () => {
      const world = await openTaskWorld(open);
      await world.enqueue('a');
      const stale = await world.lease('a');
      world.clock.advance(MINUTE);
      await world.queue.markDead(await world.lease('a'), 'bad');
      world.clock.advance(1);
      await world.queue.redrive();
      await world.lease('a');
      expect(await world.queue.complete(stale)).toBe('lost');
    });

    test('stay dead while a task of the same name lives', async () => {
      const { queue, enqueue, dead } = await withDead('a', 'b');
      await enqueue('a');
      expect(await queue.redrive()).toBe(1);
      expect((await dead()).map(({ id }) => id)).toEqual(['a']);
    });

    test('are redriven in bounded steps, however many', async () => {
      const ids = Array.from({ length: 1_001 }, (_, index) => `t${index}`);
      const world = await openTaskWorld(open);
      await world.enqueue(...ids);
      const leases = await world.queue.leaseDue('plain', 2_000, MINUTE);
      await Promise.all(leases.map((lease) => world.queue.markDead(lease, 'bad')));
      expect(await world.queue.redrive()).toBe(1_001);
    });
  });
});
