import { expect, test } from 'vitest';
import {
  eachDatabase,
  type OpenDatabase,
} from '../../../../../test/support/databases/databases.ts';
import { selectList, sql } from '../../storage/sql.ts';
import { databaseTime } from '../../storage/time.ts';
import { FakeClock } from '../../testing/fake-clock.ts';
import { forEachCrash } from '../../testing/faults.ts';
import { sweepLeases } from '../reminders/table.ts';
import { acquireSweepLease } from './leases.ts';
import { type Partition, partitionOf } from './partition.ts';

const MINUTE = 60_000;

function between(low: number, high: number): Partition {
  return { low: BigInt(low), high: BigInt(high) };
}

async function openLeases(open: OpenDatabase, clock = new FakeClock()) {
  const db = await open();
  const time = databaseTime(db.dialect, clock);
  return {
    db,
    clock,
    time,
    acquire: (low: number, high: number, { section = 'a', leaseMs = MINUTE } = {}) =>
      acquireSweepLease(db, {
        section,
        partition: between(low, high),
        time,
        leaseMs,
      }),
    stored: () =>
      db.read((tx) =>
        tx.query(
          sql`SELECT ${selectList(sweepLeases.columns)} FROM ${sweepLeases} ORDER BY section, low`,
          sweepLeases.columns,
        ),
      ),
  };
}

eachDatabase((open) => {
  test('a lease covers the wanted range, and is stored while it lasts', async () => {
    const { acquire, stored, clock } = await openLeases(open);
    const lease = await acquire(13, 33);
    expect(lease.partitions).toEqual([between(13, 33)]);
    const [row] = await stored();
    expect(row && partitionOf(row)).toEqual(between(13, 33));
    expect(row?.expireTime).toBe(clock.now() + MINUTE);
    await lease.release();
    expect(await stored()).toEqual([]);
  });

  test('leaves out ranges that others have leased', async () => {
    const { acquire, stored } = await openLeases(open);
    await acquire(10, 15);
    await acquire(20, 25);
    await acquire(30, 35);
    const lease = await acquire(13, 33);
    expect(lease.partitions).toEqual([between(15, 20), between(25, 30)]);
    expect(await stored()).toHaveLength(5);
    await lease.release();
    expect(await stored()).toHaveLength(3);
  });

  test('an empty lease is not stored', async () => {
    const { acquire, stored } = await openLeases(open);
    await acquire(10, 40);
    const lease = await acquire(13, 33);
    expect(lease.partitions).toEqual([]);
    await lease.release();
    expect(await stored()).toHaveLength(1);
  });

  test('leases of other sections do not matter', async () => {
    const { acquire } = await openLeases(open);
    await acquire(10, 40, { section: 'b' });
    expect((await acquire(13, 33)).partitions).toEqual([between(13, 33)]);
  });

  test('an expired lease does not count, and is cleared away', async () => {
    const { acquire, stored, clock } = await openLeases(open);
    await acquire(10, 15);
    await acquire(20, 25, { leaseMs: 2 * MINUTE });
    clock.advance(MINUTE - 1);
    expect((await acquire(10, 12)).partitions).toEqual([]);
    clock.advance(1);
    const lease = await acquire(13, 33);
    expect(lease.partitions).toEqual([between(13, 20), between(25, 33)]);
    expect(await stored()).toHaveLength(3);
    await lease.release();
    clock.advance(MINUTE);
    expect((await acquire(13, 33)).partitions).toEqual([between(13, 33)]);
  });

  test('many expired leases are cleared away a few at a time', async () => {
    const { acquire, stored, clock } = await openLeases(open);
    for (let low = 0; low < 120; low += 2) await acquire(low, low + 1);
    clock.advance(MINUTE);
    await acquire(0, 1);
    expect(await stored()).toHaveLength(11);
    await acquire(1, 2);
    expect(await stored()).toHaveLength(2);
  });

  test('two leases that are taken at once never overlap', async () => {
    const { acquire } = await openLeases(open);
    const leases = await Promise.all([acquire(0, 20), acquire(10, 30), acquire(5, 25)]);
    const numbers = leases
      .flatMap(({ partitions }) => partitions)
      .flatMap(({ low, high }) =>
        Array.from({ length: Number(high - low) }, (_, index) => Number(low) + index),
      );
    expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, index) => index));
  });

  test('a lease is stored as a whole or not at all, wherever the process dies', async () => {
    await forEachCrash(async (faults) => {
      const { db, time, acquire, stored } = await openLeases(open);
      await acquire(10, 15);
      const wanted = { section: 'a', partition: between(0, 20), time };
      await faults.run(() => acquireSweepLease(faults.wrap(db), { ...wanted, leaseMs: MINUTE }));
      expect([1, 3]).toContain((await stored()).length);
    });
  });
});
