import { describe, expect, test } from 'vitest';
import { eachDatabase } from '../../../../../test/support/databases/databases.ts';
import { Signal } from '../../../../../test/support/signal.ts';
import {
  idOf,
  NEVER,
  openSweepWorld,
  rangeOf,
  spreadIds,
} from '../../../../../test/support/tq/sweep-world.ts';
import type { Database, Reader } from '../../storage/database.ts';
import { Faults } from '../../testing/faults.ts';
import { formatPartition, UNIVERSE } from './partition.ts';
import { SCAN_LIMITS, type Scan, type ScanLimits, scan } from './scan.ts';

const ALL = { partition: UNIVERSE, level: 0 };

function limits(some: Partial<ScanLimits>): ScanLimits {
  return { ...SCAN_LIMITS, ...some };
}

function followUps({ followUps }: Scan): string[] {
  return followUps.map(({ partition, level }) => `${level}: ${formatPartition(partition)}`);
}

/** A database whose reads hang after the first ones. */
function hangingAfter(db: Database, reads: number): { db: Database; hangs: Promise<void> } {
  const hanging = new Signal();
  let count = 0;
  const read = <T>(fn: (tx: Reader) => Promise<T>): Promise<T> => {
    if (++count <= reads) return db.read(fn);
    hanging.emit();
    return new Promise(() => undefined);
  };
  return { db: { ...new Faults().wrap(db), read }, hangs: hanging.next() };
}

eachDatabase((open) => {
  test('a scan of an empty table finds nothing', async () => {
    const { parts } = openSweepWorld(await open());
    expect(await scan(parts, { range: ALL, limits: SCAN_LIMITS, signal: NEVER })).toEqual({
      status: 'ok',
      scanned: 0,
      stale: [],
      followUps: [],
      isWhole: true,
    });
  });

  test('a scan returns only stale reminders, in order', async () => {
    const { parts, addStale, addFresh } = openSweepWorld(await open());
    const ids = spreadIds(10);
    await addStale(ids.slice(0, 4));
    await addFresh(ids.slice(4));
    const found = await scan(parts, { range: ALL, limits: SCAN_LIMITS, signal: NEVER });
    expect(found).toMatchObject({ status: 'ok', scanned: 10, stale: ids.slice(0, 4) });
  });

  test('a scan reads nothing outside its range', async () => {
    const { parts, addStale } = openSweepWorld(await open());
    await addStale([1, 2, 3, 4, 5].map(idOf));
    const found = await scan(parts, { range: rangeOf(2, 4), limits: SCAN_LIMITS, signal: NEVER });
    expect(found).toMatchObject({ scanned: 2, stale: [idOf(2), idOf(3)] });
  });

  test('a scan reads page after page', async () => {
    const { parts, addStale } = openSweepWorld(await open());
    const ids = spreadIds(1_100);
    await addStale(ids);
    expect((await scan(parts, { range: ALL, limits: SCAN_LIMITS, signal: NEVER })).stale).toEqual(
      ids,
    );
  });

  describe('a scan that reaches its limit', () => {
    test('leaves the rest to follow-ups, without a gap', async () => {
      const { parts, addStale } = openSweepWorld(await open());
      await addStale([0, 1, 2, 3, 4, 5, 6].map(idOf));
      const some = limits({ tasksPerScan: 3, secondaryShards: 2 });
      const found = await scan(parts, { range: rangeOf(0, 100), limits: some, signal: NEVER });
      expect(found).toMatchObject({ status: 'limit', scanned: 3, isWhole: true });
      expect(found.stale).toEqual([0, 1, 2].map(idOf));
      expect(followUps(found)).toEqual(['1: 3_34', '1: 34_64']);
    });

    test('leaves nothing if that was the last of its range', async () => {
      const { parts, addStale } = openSweepWorld(await open());
      await addStale([0, 1, 2].map(idOf));
      const found = await scan(parts, {
        range: rangeOf(0, 3),
        limits: limits({ tasksPerScan: 3 }),
        signal: NEVER,
      });
      expect(found).toMatchObject({ status: 'ok', scanned: 3, followUps: [] });
    });

    test('has no follow-ups at the deepest level, and says that something is left', async () => {
      const { parts, addStale } = openSweepWorld(await open());
      await addStale([0, 1, 2].map(idOf));
      const some = limits({ tasksPerScan: 2 });
      expect(
        (await scan(parts, { range: rangeOf(0, 9, 1), limits: some, signal: NEVER })).followUps,
      ).not.toEqual([]);
      const found = await scan(parts, { range: rangeOf(0, 9, 2), limits: some, signal: NEVER });
      expect(found).toMatchObject({ status: 'limit', scanned: 2, followUps: [], isWhole: false });
    });
  });

  describe('a scan whose time is up', () => {
    test('splits its whole range if it has read nothing', async () => {
      const { parts, clock } = openSweepWorld(await open());
      const { db, hangs } = hangingAfter(parts.db, 0);
      const some = limits({ secondaryShards: 2 });
      const scanned = scan(
        { ...parts, db },
        { range: rangeOf(0, 100), limits: some, signal: NEVER },
      );
      await hangs;
      clock.advance(some.scanMs);
      const found = await scanned;
      expect(found).toMatchObject({ status: 'timeout', scanned: 0, isWhole: true });
      expect(followUps(found)).toEqual(['1: 0_32', '1: 32_64']);
    });

    test('counts the pages that it has read, and leaves the rest to a follow-up', async () => {
      const { parts, clock, addStale } = openSweepWorld(await open());
      const ids = Array.from({ length: 600 }, (_, index) => idOf(index));
      await addStale(ids);
      const { db, hangs } = hangingAfter(parts.db, 1);
      const scanned = scan(
        { ...parts, db },
        { range: rangeOf(0, 1_000), limits: SCAN_LIMITS, signal: NEVER },
      );
      await hangs;
      clock.advance(SCAN_LIMITS.scanMs);
      const found = await scanned;
      expect(found).toMatchObject({ status: 'timeout', isWhole: true });
      expect(found.stale).toEqual(ids.slice(0, 512));
      expect(followUps(found)).toEqual(['1: 200_3e8']);
    });
  });

  test('a signal ends a scan', async () => {
    const { parts, addStale } = openSweepWorld(await open());
    await addStale([idOf(1)]);
    const found = await scan(parts, {
      range: ALL,
      limits: SCAN_LIMITS,
      signal: AbortSignal.abort(),
    });
    expect(found).toMatchObject({ status: 'timeout', scanned: 0 });
  });

  test('a failure of the database is logged, and leaves the range to the next sweep', async () => {
    const { parts, log } = openSweepWorld(await open());
    const db: Database = {
      ...new Faults().wrap(parts.db),
      read: () => Promise.reject(new Error('the database is away')),
    };
    const found = await scan({ ...parts, db }, { range: ALL, limits: SCAN_LIMITS, signal: NEVER });
    expect(found).toMatchObject({ status: 'fail', stale: [], followUps: [], isWhole: false });
    expect(log.lines).toMatchObject([{ level: 'error', message: 'a scan of reminders failed' }]);
  });
});
