import { describe, expect, test } from 'vitest';
import { eachDatabase } from '../../../test/support/databases/databases.ts';
import { MINUTE, openTaskWorld } from '../../../test/support/tasks/task-world.ts';
import type { Columns } from '../../storage/column.ts';
import type { LimitOptions } from '../../storage/database.ts';
import type { Sql } from '../../storage/sql.ts';
import { databaseTime } from '../../storage/time.ts';
import { StatementSettling } from './statement-settling.ts';
import { TransactionSettling } from './transaction-settling.ts';

eachDatabase((open, _database, traits) => {
  describe.each([
    ...(traits.skipsLockedRows ? [['by a statement', StatementSettling] as const] : []),
    ['by a transaction', TransactionSettling] as const,
  ])('settling %s', (_name, Settling) => {
    /** Tasks a, b, c; all are leased, and b once more by somebody else. */
    async function openSettlingWorld() {
      const world = await openTaskWorld(open);
      await world.enqueue('a', 'b', 'c');
      const leases = [await world.lease('a'), await world.lease('b'), await world.lease('c')];
      world.clock.advance(MINUTE);
      const other = await world.lease('b');
      const settling = new Settling(world.db, databaseTime(world.db.dialect, world.clock));
      const untouched = (await world.living()).find(({ id }) => id === 'b');
      return {
        ...{ ...world, leases, other, untouched, settling },
        summaryOf: async (id: string) => (await world.living()).find((task) => task.id === id),
      };
    }

    const OUTCOMES = ['done', 'lost', 'done'];

    test('completes what is held, and nothing else', async () => {
      const { settling, leases, living, untouched } = await openSettlingWorld();
      expect(await settling.complete(leases)).toEqual(OUTCOMES);
      expect(await living()).toEqual([untouched]);
      expect(await settling.complete(leases)).toEqual(['lost', 'lost', 'lost']);
    });

    test('retries what is held, each at its time and with its error', async () => {
      const { settling, leases, clock, summaryOf, untouched } = await openSettlingWorld();
      const now = clock.now();
      const failures = leases.map(({ type, id, fence }, index) => ({
        ...{ type, id, fence },
        delayMs: 1_000 + index,
        lastError: `error of ${id}`,
      }));
      expect(await settling.retry(failures)).toEqual(OUTCOMES);
      expect(await summaryOf('a')).toMatchObject({
        processAfter: now + 1_000,
        lastError: 'error of a',
      });
      expect(await summaryOf('c')).toMatchObject({
        ...{ processAfter: now + 1_002, lastError: 'error of c', leaseUntil: undefined },
      });
      expect(await summaryOf('b')).toEqual(untouched);
      expect(await settling.retry(failures)).toEqual(['lost', 'lost', 'lost']);
    });

    test('keeps the last time there is', async () => {
      const { settling, other, clock, summaryOf } = await openSettlingWorld();
      const processAfter = Date.UTC(9999, 11, 31);
      const delayMs = processAfter - clock.now();
      const { type, id, fence } = other;
      await settling.retry([{ type, id, fence, delayMs, lastError: '' }]);
      expect(await summaryOf('b')).toMatchObject({ processAfter });
    });

    test('releases what is held, and takes its attempt back', async () => {
      const { settling, leases, summaryOf, untouched } = await openSettlingWorld();
      expect(await settling.release(leases)).toEqual(OUTCOMES);
      expect(await settling.release(leases)).toEqual(['lost', 'lost', 'lost']);
      expect(await summaryOf('a')).toMatchObject({ state: 'due', attempt: 0 });
      expect(await summaryOf('b')).toEqual(untouched);
    });

    test('extends what is held', async () => {
      const { settling, leases, clock, summaryOf, untouched } = await openSettlingWorld();
      expect(await settling.extend(leases, 2 * MINUTE)).toEqual(OUTCOMES);
      const leaseUntil = clock.now() + 2 * MINUTE;
      expect(await summaryOf('c')).toMatchObject({ leaseUntil, attempt: 1 });
      expect(await summaryOf('b')).toEqual(untouched);
    });

    test.each([
      [MINUTE, 6_000],
      [10_000, 1_667],
      [2_000, 1_000],
    ])(
      'extends leases of %i ms within %i ms, so that another try fits in',
      async (leaseMs, limitMs) => {
        const { db, other, clock } = await openSettlingWorld();
        const limits: unknown[] = [];
        const noting = Object.assign(Object.create(db), {
          statement: (query: Sql, columns: Columns, options: LimitOptions) => {
            limits.push(options.limitMs);
            return db.statement(query, columns);
          },
          write: (fn: Parameters<typeof db.write>[0], options: LimitOptions) => {
            limits.push(options.limitMs);
            return db.write(fn);
          },
        });
        const settling = new Settling(noting, databaseTime(db.dialect, clock));
        expect(await settling.extend([other], leaseMs)).toEqual(['done']);
        expect(limits).toEqual([limitMs]);
      },
    );

    test('buries what is held, over an older one of its name', async () => {
      const world = await openSettlingWorld();
      const { settling, queue, clock, enqueue, lease, leases, dead, living } = world;
      const diedAt = clock.now();
      const deaths = leases.map(({ type, id, fence }) => ({ type, id, fence, reason: `no ${id}` }));
      expect(await settling.bury(deaths)).toEqual(OUTCOMES);
      expect((await living()).map(({ id }) => id)).toEqual(['b']);
      clock.advance(1);
      await enqueue('a');
      await queue.retry(await lease('a'), { error: 'x', delayMs: 0 });
      const { type, id, fence } = await lease('a');
      await settling.bury([{ type, id, fence, reason: 'again' }]);
      expect(await dead()).toMatchObject([
        { id: 'a', reason: 'again', deadTime: diedAt + 1, attempt: 2 },
        { id: 'c', reason: 'no c', deadTime: diedAt, attempt: 1 },
      ]);
    });

    test('does nothing about nothing', async () => {
      const { settling } = await openSettlingWorld();
      expect(await settling.complete([])).toEqual([]);
      expect(await settling.bury([])).toEqual([]);
    });

    test('answers the same to a lease that is named twice', async () => {
      const { settling, other } = await openSettlingWorld();
      expect(await settling.complete([other, other])).toEqual(['done', 'done']);
    });
  });
});
