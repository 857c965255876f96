import { describe, expect, test } from 'vitest';
import { eachDatabase } from '../../../../../test/support/databases/databases.ts';
import { RecordingSubmitter } from '../../../../../test/support/tq/recording-submitter.ts';
import { openSweepWorld, spreadIds } from '../../../../../test/support/tq/sweep-world.ts';
import type { Clock } from '../../foundations/clock.ts';
import type { Database } from '../../storage/database.ts';
import { FakeClock } from '../../testing/fake-clock.ts';
import { Faults, forEachCrash } from '../../testing/faults.ts';
import { Sweeper, type SweeperOptions } from './sweeper.ts';

const SMALL = { shards: 2, tasksPerScan: 2, batchSize: 2 };

function openSweeper(database: Database, options: Partial<SweeperOptions> = {}) {
  const world = openSweepWorld(database);
  const { db, clock, submitter, log } = world;
  return { ...world, sweeper: new Sweeper({ db, clock, submitter, log, ...options }) };
}

const SCAN_MS = 1;

/** A clock whose pauses take no time. It aborts `stop` in the last one. */
function pausingClock(count: number) {
  const stopping = new AbortController();
  const pauses: number[] = [];
  const still = new FakeClock();
  const clock: Clock = {
    isVirtual: true,
    now: () => still.now(),
    monotonicMs: () => still.monotonicMs(),
    sleep: async (ms, signal) => {
      if (ms === SCAN_MS) return still.sleep(ms, signal);
      pauses.push(ms);
      if (pauses.length === count) stopping.abort();
    },
  };
  return { clock, pauses, stop: stopping.signal };
}

eachDatabase((open) => {
  test('a sweep submits what a transaction left, and reports what it did', async () => {
    const { sweeper, send, submitter, clock, left, log } = openSweeper(await open());
    submitter.failWhere(() => true, true);
    await send('a', 'b', 'c');
    const ids = await left();
    expect(ids).toHaveLength(3);
    submitter.failWhere(() => false, true);
    expect(await sweeper.runOnce()).toMatchObject({ scanned: 3, stale: 0 });
    clock.advance(60_000);
    expect(await sweeper.runOnce()).toMatchObject({ stale: 3, submitted: 3, isWhole: true });
    expect(submitter.taken).toEqual(ids);
    expect(await left()).toEqual([]);
    expect(log.lines.at(-1)).toMatchObject({
      level: 'info',
      message: 'a sweep has ended',
      fields: { submitted: 3, isWhole: true, durationMs: 0 },
    });
  });

  describe('repeated sweeps', () => {
    test('begin every minute from start to start, a tenth more or less', async () => {
      const jitters = [0, 0.5, 0.75];
      const { clock, pauses, stop } = pausingClock(jitters.length);
      const random = (): number => jitters[pauses.length] ?? 0;
      const { sweeper } = openSweeper(await open(), { clock, random, scanMs: SCAN_MS, shards: 1 });
      await sweeper.run(stop);
      expect(pauses).toEqual([54_000, 60_000, 63_000]);
    });

    test('go on after a failure', async () => {
      const database = await open();
      const { clock, pauses, stop } = pausingClock(2);
      const db: Database = {
        ...new Faults().wrap(database),
        read: (fn) => (pauses.length === 0 ? Promise.reject(new Error('away')) : database.read(fn)),
      };
      const { sweeper, addStale, submitter, log } = openSweeper(database, {
        db,
        clock,
        shards: 1,
        scanMs: SCAN_MS,
      });
      const ids = spreadIds(1);
      await addStale(ids);
      await sweeper.run(stop);
      expect(submitter.taken).toEqual(ids);
      expect(log.lines[0]).toMatchObject({
        level: 'error',
        fields: { error: { message: 'away' } },
      });
    });
  });

  test('a sweep leaves nothing and loses nothing, wherever a process before it has died', async () => {
    const ids = spreadIds(5);
    const steps = await forEachCrash(async (faults) => {
      const submitter = new RecordingSubmitter();
      const { db, addStale, left, sweeper } = openSweeper(await open(), { ...SMALL, submitter });
      await addStale(ids);
      const dying = openSweeper(faults.wrap(db), { ...SMALL, submitter });
      await faults.run(() => dying.sweeper.runOnce());
      const untried = ids.filter((id) => submitter.attemptsAt(id) === 0);
      expect(await left()).toEqual(expect.arrayContaining(untried));
      await sweeper.runOnce();
      expect(submitter.taken).toEqual(ids);
      expect(await left()).toEqual([]);
      await db.close();
    });
    expect(steps).toBeGreaterThan(5);
  });

  test('a sweep keeps each dead reminder once, wherever a process before it has died', async () => {
    const ids = spreadIds(3);
    await forEachCrash(async (faults) => {
      const submitter = new RecordingSubmitter();
      submitter.failWhere((name) => name === ids[0], false);
      const { db, addStale, left, deadIds, sweeper } = openSweeper(await open(), {
        ...SMALL,
        submitter,
      });
      await addStale(ids);
      const dying = openSweeper(faults.wrap(db), { ...SMALL, submitter });
      await faults.run(() => dying.sweeper.runOnce());
      await sweeper.runOnce();
      expect(submitter.taken).toEqual(ids.slice(1));
      expect(await left()).toEqual([]);
      expect(await deadIds()).toEqual(ids.slice(0, 1));
      await db.close();
    });
  });
});
