import { describe, expect, test } from 'vitest';
import { eachDatabase } from '../../../../../test/support/databases/databases.ts';
import { MINUTE, openTaskWorld } from '../../../../../test/support/tasks/task-world.ts';
import type { Columns } from '../../storage/column.ts';
import type { LimitOptions } from '../../storage/database.ts';
import type { Sql } from '../../storage/sql.ts';
import { databaseTime } from '../../storage/time.ts';
import { LockingSettlement } from './locking-settlement.ts';
import { SerializableSettlement } from './serializable-settlement.ts';

eachDatabase((open, _database, traits) => {
  describe.each([
    ...(traits.skipsLockedRows ? [['by a statement', LockingSettlement] as const] : []),
    ['by a transaction', SerializableSettlement] as const,
  ])('settlement %s', (_name, Settlement) => {
    /** Opens a world with the tasks a, b and c, all leased, and b leased once more by another worker. */
    async function openSettlementWorld() {
      const world = await openTaskWorld(open);
      await world.enqueue('a', 'b', 'c');
      const leases = [await world.lease('a'), await world.lease('b'), await world.lease('c')];
      world.clock.advance(MINUTE);
      const other = await world.lease('b');
      const settlement = new Settlement(world.db, databaseTime(world.db.dialect, world.clock));
      const untouched = (await world.living()).find(({ id }) => id === 'b');
      return {
        ...world,
        leases,
        other,
        untouched,
        settlement,
        summaryOf: async (id: string) => (await world.living()).find((task) => task.id === id),
      };
    }

    const OUTCOMES = ['done', 'lost', 'done'];

    test('completes tasks whose leases hold, and no others', async () => {
      const { settlement, leases, living, untouched } = await openSettlementWorld();
      expect(await settlement.complete(leases)).toEqual(OUTCOMES);
      expect(await living()).toEqual([untouched]);
      expect(await settlement.complete(leases)).toEqual(['lost', 'lost', 'lost']);
    });

    test('retries tasks whose leases hold, each at its time and with its error', async () => {
      const { settlement, leases, clock, summaryOf, untouched } = await openSettlementWorld();
      const now = clock.now();
      const failures = leases.map(({ type, id, fence }, index) => ({
        type,
        id,
        fence,
        delayMs: 1_000 + index,
        error: `error of ${id}`,
      }));
      expect(await settlement.retry(failures)).toEqual(OUTCOMES);
      expect(await summaryOf('a')).toMatchObject({
        processAfter: now + 1_000,
        lastError: 'error of a',
      });
      expect(await summaryOf('c')).toMatchObject({
        processAfter: now + 1_002,
        lastError: 'error of c',
        leaseUntil: undefined,
      });
      expect(await summaryOf('b')).toEqual(untouched);
      expect(await settlement.retry(failures)).toEqual(['lost', 'lost', 'lost']);
    });

    test('takes the latest possible time', async () => {
      const { settlement, other, clock, summaryOf } = await openSettlementWorld();
      const processAfter = Date.UTC(9999, 11, 31);
      const delayMs = processAfter - clock.now();
      const { type, id, fence } = other;
      await settlement.retry([{ type, id, fence, delayMs, error: '' }]);
      expect(await summaryOf('b')).toMatchObject({ processAfter });
    });

    test('releases tasks whose leases hold, and takes their attempts back', async () => {
      const { settlement, leases, summaryOf, untouched } = await openSettlementWorld();
      expect(await settlement.release(leases)).toEqual(OUTCOMES);
      expect(await settlement.release(leases)).toEqual(['lost', 'lost', 'lost']);
      expect(await summaryOf('a')).toMatchObject({ state: 'due', attempt: 0 });
      expect(await summaryOf('b')).toEqual(untouched);
    });

    test('extends leases that hold', async () => {
      const { settlement, leases, clock, summaryOf, untouched } = await openSettlementWorld();
      expect(await settlement.extend(leases, 2 * MINUTE)).toEqual(OUTCOMES);
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
        const { db, other, clock } = await openSettlementWorld();
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
        const settlement = new Settlement(noting, databaseTime(db.dialect, clock));
        expect(await settlement.extend([other], leaseMs)).toEqual(['done']);
        expect(limits).toEqual([limitMs]);
      },
    );

    test('marks tasks dead whose leases hold, in place of an older dead task of the same name', async () => {
      const world = await openSettlementWorld();
      const { settlement, queue, clock, enqueue, lease, leases, dead, living } = world;
      const diedAt = clock.now();
      const failures = leases.map(({ type, id, fence }) => ({
        type,
        id,
        fence,
        reason: `no ${id}`,
      }));
      expect(await settlement.markDead(failures)).toEqual(OUTCOMES);
      expect((await living()).map(({ id }) => id)).toEqual(['b']);
      clock.advance(1);
      await enqueue('a');
      await queue.retry(await lease('a'), { error: 'x', delayMs: 0 });
      const { type, id, fence } = await lease('a');
      await settlement.markDead([{ type, id, fence, reason: 'again' }]);
      expect(await dead()).toMatchObject([
        { id: 'a', reason: 'again', deadTime: diedAt + 1, attempt: 2 },
        { id: 'c', reason: 'no c', deadTime: diedAt, attempt: 1 },
      ]);
    });

    test('does nothing for an empty batch', async () => {
      const { settlement } = await openSettlementWorld();
      expect(await settlement.complete([])).toEqual([]);
      expect(await settlement.markDead([])).toEqual([]);
    });

    test('returns the same for a lease that is named twice', async () => {
      const { settlement, other } = await openSettlementWorld();
      expect(await settlement.complete([other, other])).toEqual(['done', 'done']);
    });
  });
});
