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
import { MAIL } from '../../../../../test/support/tq/tq-world.ts';
import { IgnoredError } from '../../foundations/errors.ts';
import type { Database } from '../../storage/database.ts';
import { databaseTime } from '../../storage/time.ts';
import { Faults } from '../../testing/faults.ts';
import { executeHere, TaskScheduler } from '../../testing/task-scheduler.ts';
import type { PushTask } from '../classes/task-class.ts';
import { TaskClasses } from '../classes/task-classes.ts';
import { Tq } from '../tq.ts';
import { DistributedSweep, type DistributedSweepOptions } from './distributed.ts';
import { acquireSweepLease } from './leases.ts';
import { formatPartition } from './partition.ts';
import { type SweepTask, sectionOf, sweepTaskClass } from './sweep-task.ts';

const taskClass = sweepTaskClass({ queue: 'sweeps' });
const delivery: Omit<PushTask, 'payload'> = {
  classId: taskClass.id,
  id: undefined,
  queue: undefined,
  attempt: 1,
  processAfter: undefined,
  traceparent: undefined,
};

function taskOf(low: number, high: number, level = 0): SweepTask {
  const shard = { shard: 0, shards: 2, section: sectionOf(0, 2), round: '1' };
  return { ...rangeOf(low, high, level), ...shard, tasksPerScan: 32, secondaryShards: 2 };
}

/** Opens a distributed sweep whose tasks run when the test says so. */
function openDistributed(database: Database, options: Partial<DistributedSweepOptions> = {}) {
  const world = openSweepWorld(database);
  const { db, clock, submitter, log } = world;
  const classes = new TaskClasses([MAIL, taskClass]);
  const scheduler = new TaskScheduler({ clock, execute: executeHere({ classes, clock }) });
  const tq = new Tq({ db, classes, submitter: scheduler, clock });
  const sweep = new DistributedSweep({
    db,
    submitter,
    tq,
    taskClass,
    clock,
    log,
    ...options,
  });
  classes.attach(taskClass, sweep.handle);
  return {
    ...world,
    scheduler,
    sweep,
    classes,
    tq,
    /** Runs one task of a sweep. */
    handle: (task: SweepTask) => sweep.handle({ ...delivery, payload: task }, { signal: NEVER }),
    followUps: () => scheduler.tasks.map(({ request }) => bodyOf(request)),
  };
}

type WireTask = Readonly<Record<string, unknown>>;

function bodyOf(request: object): WireTask {
  const { body } = request as { readonly body: Uint8Array };
  return JSON.parse(new TextDecoder().decode(body)).body;
}

function byPartition(a: WireTask, b: WireTask): number {
  return String(a.partition) < String(b.partition) ? -1 : 1;
}

eachDatabase((open) => {
  describe('a task', () => {
    test('does nothing if there are no reminders', async () => {
      const { handle, submitter, scheduler } = openDistributed(await open());
      await handle(taskOf(0, 256));
      expect(submitter.requests).toEqual([]);
      expect(scheduler.tasks).toEqual([]);
    });

    test('submits only stale reminders', async () => {
      const { handle, addStale, addFresh, submitter, left } = openDistributed(await open());
      await addStale([idOf(1)]);
      await addFresh([idOf(2)]);
      await handle(taskOf(0, 256));
      expect(submitter.taken).toEqual([idOf(1)]);
      expect(await left()).toEqual([idOf(2)]);
    });

    test('adds follow-ups for what it does not reach', async () => {
      const { handle, addStale, submitter, followUps } = openDistributed(await open());
      await addStale(Array.from({ length: 64 }, (_, index) => idOf(index)));
      await handle(taskOf(0, 256));
      expect(submitter.taken).toHaveLength(32);
      expect(followUps().sort(byPartition)).toMatchObject([
        { partition: '20_90', level: 1, leaseSectionId: 'sql_0_2', round: '1' },
        { partition: '90_100', level: 1, leaseSectionId: 'sql_0_2', round: '1' },
      ]);
    });

    test('adds its follow-ups once if it is delivered twice', async () => {
      const { handle, addFresh, scheduler } = openDistributed(await open());
      await addFresh(Array.from({ length: 64 }, (_, index) => idOf(index)));
      await handle(taskOf(0, 256));
      await handle(taskOf(0, 256));
      expect(scheduler.tasks).toHaveLength(2);
    });

    test('submits in batches, and releases its lease', async () => {
      const { handle, addStale, submitter, left, db, clock } = openDistributed(await open());
      const ids = Array.from({ length: 100 }, (_, index) => idOf(index));
      await addStale(ids);
      await handle({ ...taskOf(0, 256), tasksPerScan: 2048 });
      expect(submitter.taken).toEqual(ids);
      expect(await left()).toEqual([]);
      const wanted = { section: sectionOf(0, 2), ...rangeOf(0, 256) };
      const time = databaseTime(db.dialect, clock);
      const lease = await acquireSweepLease(db, { ...wanted, time, leaseMs: 1 });
      expect(lease.partitions.map(formatPartition)).toEqual(['0_100']);
    });

    test('leaves out what another task has leased', async () => {
      const { handle, addStale, submitter, db, clock } = openDistributed(await open());
      await addStale(Array.from({ length: 25 }, (_, index) => idOf(index)));
      for (const [low, high] of [
        [5, 15],
        [16, 20],
      ] as const) {
        const wanted = { section: sectionOf(0, 2), ...rangeOf(low, high) };
        const time = databaseTime(db.dialect, clock);
        await acquireSweepLease(db, { ...wanted, time, leaseMs: 60_000 });
      }
      await handle(taskOf(0, 256));
      const free = [0, 1, 2, 3, 4, 15, 20, 21, 22, 23, 24];
      expect(submitter.taken).toEqual(free.map(idOf));
    });

    test('tries and keeps all reminders if the queue is away, and is not run again', async () => {
      const { handle, addStale, submitter, left } = openDistributed(await open(), { batchSize: 5 });
      const ids = Array.from({ length: 20 }, (_, index) => idOf(index));
      await addStale(ids);
      submitter.failWhere(() => true, true);
      const failure = await handle(taskOf(0, 256)).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(IgnoredError);
      expect(failure).toMatchObject({ message: '20 reminders are left to the next sweep' });
      expect(ids.map((id) => submitter.attemptsAt(id))).toEqual(ids.map(() => 4));
      expect(await left()).toEqual(ids);
    });

    test('stops at the end of its lease', async () => {
      const world = openDistributed(await open(), { batchSize: 5, batchesAtOnce: 1 });
      const { handle, addStale, submitter, left, clock } = world;
      await addStale(Array.from({ length: 20 }, (_, index) => idOf(index)));
      const begun = new Signal();
      submitter.answer = async () => {
        begun.emit();
        if (submitter.requests.length === 3) clock.advance(60_000);
        return 'submitted';
      };
      await expect(handle(taskOf(0, 256))).rejects.toThrow(/reminders are left/);
      expect((await left()).length).toBeGreaterThanOrEqual(15);
    });

    test('says so if the database is away, and is not run again', async () => {
      const database = await open();
      const db: Database = {
        ...new Faults().wrap(database),
        write: () => Promise.reject(new Error('away')),
      };
      const { handle, addStale, log } = openDistributed(database, { db });
      await addStale([idOf(1)]);
      await expect(handle(taskOf(0, 256))).rejects.toThrow('1 reminders are left');
      expect(log.lines).toMatchObject([{ level: 'error', fields: { error: { message: 'away' } } }]);
    });

    test('does its own work if its follow-ups are refused', async () => {
      const addTask = () => Promise.reject(new Error('no'));
      const { handle, addStale, submitter } = openDistributed(await open(), { tq: { addTask } });
      await addStale(Array.from({ length: 64 }, (_, index) => idOf(index)));
      await expect(handle(taskOf(0, 256))).rejects.toThrow('2 follow-ups were not added');
      expect(submitter.taken).toHaveLength(32);
    });
  });

  describe('a sweep', () => {
    test('begins with a task for each shard, whichever servers begin it', async () => {
      const { sweep, scheduler, clock, followUps } = openDistributed(await open(), { shards: 4 });
      expect(await sweep.initiate()).toEqual({ added: 4, duplicates: 0, failed: 0 });
      expect(await sweep.initiate()).toEqual({ added: 0, duplicates: 4, failed: 0 });
      const [first] = scheduler.tasks.map(({ request }) => request);
      expect(first).toMatchObject({
        classId: 'tq-sweep',
        queue: 'projects/default/locations/default/queues/sweeps',
        url: expect.stringMatching(/\/tq-sweep\/l0_\d_\d$/),
      });
      const sections = followUps().map(({ leaseSectionId }) => leaseSectionId);
      expect(sections.sort()).toEqual(['sql_0_4', 'sql_1_4', 'sql_2_4', 'sql_3_4']);
      clock.advance(60_000);
      expect(await sweep.initiate()).toEqual({ added: 4, duplicates: 0, failed: 0 });
    });

    test('reports tasks that were refused', async () => {
      const addTask = () => Promise.reject(new Error('no'));
      const { sweep } = openDistributed(await open(), { tq: { addTask }, shards: 3 });
      expect(await sweep.initiate()).toEqual({ added: 0, duplicates: 0, failed: 3 });
    });

    test('submits all reminders through its follow-ups', async () => {
      const small = { shards: 4, tasksPerScan: 15, batchSize: 8 };
      const { sweep, scheduler, addStale, submitter, left } = openDistributed(await open(), small);
      const ids = spreadIds(200);
      await addStale(ids);
      await sweep.initiate();
      expect(await scheduler.run({ parallel: 3 })).toBe('quiet');
      expect(submitter.taken).toEqual(ids);
      expect(submitter.requests).toHaveLength(200);
      expect(await left()).toEqual([]);
    });

    test('begins every minute until the signal aborts', async () => {
      const added = new Signal();
      const addTask = async () => {
        added.emit();
        return 'added' as const;
      };
      const { sweep, clock } = openDistributed(await open(), { tq: { addTask }, shards: 1 });
      const stop = new AbortController();
      const running = sweep.run(stop.signal);
      await added.next();
      for (let minute = 1; minute <= 3; minute++) {
        await clock.untilSleepers(1);
        clock.advance(72_000);
        await added.next();
      }
      stop.abort();
      await running;
      expect(added.pending).toBe(0);
    });
  });
});
