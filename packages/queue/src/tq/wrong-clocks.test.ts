/** Processes whose clocks are wrong: the database's clock says what is fresh, leased and due. */
import { describe, expect, test } from 'vitest';
import { eachDatabase } from '../../../../test/support/databases/databases.ts';
import { idOf, NEVER } from '../../../../test/support/tq/sweep-world.ts';
import { MAIL, openTqWorld } from '../../../../test/support/tq/tq-world.ts';
import { type Clock, systemClock } from '../foundations/clock.ts';
import { noMetrics } from '../foundations/metrics.ts';
import { seededRandom } from '../foundations/random.ts';
import type { Database } from '../storage/database.ts';
import { databaseTime } from '../storage/time.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { executeHere, TaskScheduler } from '../testing/task-scheduler.ts';
import { TaskClasses } from './classes/task-classes.ts';
import { FRESH_MS, newReminder, remindedRequest } from './reminders/reminder.ts';
import { readReminders } from './reminders/reminders.ts';
import { reminders } from './reminders/table.ts';
import { prepareRequest } from './submit/request.ts';
import { DistributedSweep } from './sweep/distributed.ts';
import { acquireSweepLease } from './sweep/leases.ts';
import { UNIVERSE } from './sweep/partition.ts';
import { SCAN_LIMITS, scan } from './sweep/scan.ts';
import { sweepTaskClass } from './sweep/sweep-task.ts';
import { Tq } from './tq.ts';
import { TqMetrics } from './tq-metrics.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

function clockAhead(byMs: number): Clock {
  return { ...systemClock, now: () => systemClock.now() + byMs };
}

const CLOCKS = [10 * MINUTE, -10 * MINUTE, HOUR, -HOUR].map(clockAhead);

/** Opens a process that cannot reach its queue, so that its reminders stay. */
function openProcess(db: Database, clock: Clock) {
  const { submitter, tq, log } = openTqWorld(db, { clock });
  submitter.failWhere(() => true, true);
  const metrics = new TqMetrics(noMetrics);
  const parts = { db, clock, submitter, log, metrics, random: seededRandom(1) };
  return {
    tq,
    stale: async () =>
      (
        await scan(parts, {
          range: { partition: UNIVERSE, level: 0 },
          limits: SCAN_LIMITS,
          signal: NEVER,
        })
      ).stale,
  };
}

eachDatabase((open) => {
  describe('processes whose clocks are wrong', () => {
    test('agree on which reminders are fresh', async () => {
      const db = await open();
      const processes = CLOCKS.map((clock) => openProcess(db, clock));
      const before = await db.serverTime();
      for (const { tq } of processes) {
        await db.write(async (tx) => {
          await tq.addTask({ class: MAIL, payload: { to: 'ada' } }, tx);
        });
        await tq.idle();
      }
      const after = await db.serverTime();
      const { reminders: stored } = openTqWorld(db);
      const saved = await stored();
      expect(saved).toHaveLength(CLOCKS.length);
      for (const { createTime, freshUntil } of saved) {
        expectBetween(createTime, before, after);
        expectBetween(freshUntil, before + FRESH_MS, after + FRESH_MS);
      }
      for (const { stale } of processes) expect(await stale()).toEqual([]);
    });

    test('agree on which reminders are no longer fresh', async () => {
      const db = await open();
      const id = idOf(1);
      const bornAt = (await db.serverTime()) - FRESH_MS - SECOND;
      const context = { settings: {}, now: bornAt, traceparent: undefined };
      const request = prepareRequest({ class: MAIL, payload: { to: 'ada' } }, context);
      await db.write((tx) =>
        tx.insert(reminders, [newReminder(id, remindedRequest(request, id), bornAt)]),
      );
      for (const clock of CLOCKS) expect(await openProcess(db, clock).stale()).toEqual([id]);
      expect(await db.read((tx) => readReminders(tx, [id]))).toHaveLength(1);
    });

    test('take no range that another sweep has leased', async () => {
      const db = await open();
      const acquire = (clock: Clock, section: string) =>
        acquireSweepLease(db, {
          section,
          partition: UNIVERSE,
          leaseMs: MINUTE,
          time: databaseTime(db.dialect, clock),
        });
      for (const [number, owner] of CLOCKS.entries()) {
        const section = String(number);
        expect((await acquire(owner, section)).partitions).toEqual([UNIVERSE]);
        for (const other of CLOCKS) {
          expect((await acquire(other, section)).partitions).toEqual([]);
        }
      }
    });

    test('delay tasks by as much as they were told', async () => {
      const db = await open();
      for (const clock of CLOCKS) {
        const { tq, submitter } = openTqWorld(db, { clock });
        const mail = { class: MAIL, payload: { to: 'ada' }, delayMs: HOUR };
        const before = await db.serverTime();
        await tq.addTask(mail);
        await db.write(async (tx) => {
          await tq.addTask(mail, tx);
        });
        await tq.idle();
        const after = await db.serverTime();
        expect(submitter.requests).toHaveLength(2);
        for (const request of submitter.requests) {
          const due = request.kind === 'queue' ? request.processAfter : undefined;
          expectBetween(due, before + HOUR, after + HOUR);
        }
      }
    });

    test('begin one sweep together', async () => {
      const db = await open();
      const intervalMs = 5 * MINUTE;
      const round = async () => Math.floor((await db.serverTime()) / intervalMs);
      const initiate = async () => {
        const taskClass = sweepTaskClass({ queue: 'sweeps' });
        const classes = new TaskClasses([taskClass]);
        const still = new FakeClock();
        const execute = executeHere({ classes, clock: still });
        const scheduler = new TaskScheduler({ clock: still, execute });
        const added: number[] = [];
        for (const clock of CLOCKS) {
          const tq = new Tq({ db, classes, submitter: scheduler, clock });
          const parts = { db, submitter: scheduler, tq, taskClass, clock, intervalMs };
          added.push((await new DistributedSweep({ ...parts, shards: 2 }).initiate()).added);
        }
        return added;
      };
      for (;;) {
        const before = await round();
        const added = await initiate();
        if ((await round()) !== before) continue; // the interval of the sweep ended in between
        expect(added).toEqual([2, 0, 0, 0]);
        return;
      }
    });
  });
});

/** Expects a time within the bounds, give or take a second. */
function expectBetween(time: number | undefined, low: number, high: number): void {
  expect(time).toBeGreaterThanOrEqual(low - SECOND);
  expect(time).toBeLessThanOrEqual(high + SECOND);
}
