/**
 * Whatever dies at whatever step while an export is made again: each row is in the table once in the end, and
 * at every moment in between, as old or as new.
 */
import { seededRandom } from '@postlude/queue/foundations';
import type { Database } from '@postlude/queue/storage';
import { forEachCrash } from '@postlude/queue/testing';
import { expect, test } from 'vitest';
import { forEachStep, UNREACHED } from '../../../../test/support/bigquery/faults.ts';
import { eachDatabase, openTestPglite } from '../../../../test/support/databases/databases.ts';
import {
  askAgain,
  exportOnce,
  exportUntilDone,
  landedRows,
  numbered,
  numberedRows,
} from '../../../../test/support/exports/bigquery-exports.ts';
import { openBigQuery } from '../../../../test/support/exports/bigquery-world.ts';
import { writeGraph } from '../../../../test/support/exports/export-graph.ts';
import { interrupted } from '../../../../test/support/exports/interrupted-sink.ts';

const ROWS = 9;
/** Attempts of the first generation have lower numbers. */
const ATTEMPT = 100;

/** Each run makes an export again, in a table of its own, in which it is already. */
async function openWorld(db: Database) {
  await writeGraph(db, { ...numbered(ROWS), ...numbered(2, 'other') });
  const world = await openBigQuery({ streamsPerSecond: 1_000, tableUpdates: 1_000 });
  const { bigQuery, clock, openSink } = world;
  const rows = [...numberedRows(ROWS), ...numberedRows(2, 'other')].sort();
  let runs = 0;
  const begin = async () => {
    const index = ++runs;
    const table = `results${index}`;
    const name = { project: 'acme', dataset: 'tests', table };
    bigQuery.faults.clear();
    const sink = await openSink(db);
    await exportOnce({ db, table, index, sink, id: 'other' });
    await exportOnce({ db, table, index, sink });
    const old = bigQuery.landed(name)?.filter(({ row }) => isOf(row, 'a'));
    await askAgain(db, { table, index });
    let isWhole = true;
    bigQuery.watch(name, () => {
      isWhole &&= JSON.stringify(landedRows(bigQuery, table)) === JSON.stringify(rows);
    });
    const expectReplaced = () => {
      expect(landedRows(bigQuery, table)).toEqual(rows);
      expect(isWhole).toBe(true);
      expect(old).toHaveLength(ROWS);
      for (const each of old ?? []) expect(bigQuery.landed(name)).not.toContain(each);
    };
    return { run: { db, table, index }, sink, expectReplaced };
  };
  const expectNoStaging = () => {
    clock.advance(8 * 24 * 3_600_000);
    expect(bigQuery.tablesOf({ project: 'acme', dataset: 'tests' })).toHaveLength(runs);
  };
  return { ...world, begin, expectNoStaging };
}

test.each(UNREACHED)('%s at any step', async (_, faultOf) => {
  const db = await openTestPglite();
  const { bigQuery, openSink, begin, expectNoStaging } = await openWorld(db);
  const steps = await forEachStep(bigQuery.faults, faultOf, async (arm) => {
    const { run, expectReplaced } = await begin();
    arm();
    await exportUntilDone({ ...run, from: ATTEMPT, openSink: () => openSink(db) });
    expectReplaced();
  });
  expect(steps).toBeGreaterThan(10);
  expectNoStaging();
});

test('a process that dies at any step of BigQuery', async () => {
  const db = await openTestPglite();
  const { bigQuery, openSink, begin, expectNoStaging } = await openWorld(db);
  for (let step = 1; ; step++) {
    const { run, expectReplaced } = await begin();
    let isDead = false;
    const dying: Pick<Database, 'read' | 'write'> = {
      read: (fn) => (isDead ? Promise.reject(new Error('dead')) : db.read(fn)),
      write: (fn) => (isDead ? Promise.reject(new Error('dead')) : db.write(fn)),
    };
    const at = bigQuery.faults.steps.length + step;
    bigQuery.faults.at(at, { kind: 'run', run: () => (isDead = true) });
    const sink = await openSink(dying);
    await exportOnce({ ...run, db: dying, sink, attempt: ATTEMPT }).catch(() => undefined);
    bigQuery.faults.clear();
    await exportOnce({ ...run, sink: await openSink(db), attempt: ATTEMPT + 1 });
    expectReplaced();
    if (!isDead) break;
  }
  expectNoStaging();
});

test('a process that dies while it starts over, as its staging table is gone', async () => {
  const api = 'insert-all'; // There is no stream by which the loss could be noticed.
  const db = await openTestPglite();
  const { bigQuery, clock, openSink, begin } = await openWorld(db);
  const steps = await forEachCrash(async (faults) => {
    const { run, expectReplaced } = await begin();
    bigQuery.forbidJobs();
    const forbidden = exportOnce({
      ...run,
      sink: await openSink(db, { api }),
      attempt: ATTEMPT,
    });
    await expect(forbidden).rejects.toMatchObject({ code: 'permission-denied' });
    bigQuery.forbidJobs(false);
    clock.advance(8 * 24 * 3_600_000);
    const dying = faults.wrap(db);
    const another = await openSink(dying, { api });
    const next = { ...run, db: dying, sink: another, attempt: ATTEMPT + 1 };
    await faults.run(() => exportOnce(next));
    await exportOnce({ ...run, sink: await openSink(db, { api }), attempt: ATTEMPT + 2 });
    expectReplaced();
  });
  expect(steps).toBeGreaterThan(15);
});

test.each(Array.from({ length: 20 }, (_, seed) => seed))(
  'steps and jobs that fail at random, seed %i',
  async (seed) => {
    const db = await openTestPglite();
    const { bigQuery, openSink, begin } = await openWorld(db);
    const { run, expectReplaced } = await begin();
    const random = seededRandom(seed);
    bigQuery.faults.seed(random, 0.15);
    const error = { reason: 'backendError', message: 'try again' };
    bigQuery.failJobs(() => (random() < 0.4 ? error : undefined));
    await exportUntilDone({ ...run, from: ATTEMPT, openSink: () => openSink(db) });
    expectReplaced();
  },
);

test.each([1, 2, 3, 4])(
  'a stale attempt at the same generation, before its step %i',
  async (at) => {
    const db = await openTestPglite();
    const { openSink, begin } = await openWorld(db);
    const { run, sink, expectReplaced } = await begin();
    const stale = interrupted(sink, at, async () => {
      await exportOnce({ ...run, sink: await openSink(db), attempt: ATTEMPT + 1 });
    });
    await expect(exportOnce({ ...run, sink: stale, attempt: ATTEMPT })).rejects.toThrow();
    expectReplaced();
  },
);

test.each([1, 2, 3, 4])(
  'a stale attempt at an earlier generation, before its step %i',
  async (at) => {
    const db = await openTestPglite();
    const { openSink, begin } = await openWorld(db);
    const { run, sink, expectReplaced } = await begin();
    const stale = interrupted(sink, at, async () => {
      await askAgain(db, { ...run, generation: 2 });
      await exportOnce({ ...run, sink: await openSink(db), attempt: ATTEMPT + 1 });
    });
    await expect(exportOnce({ ...run, sink: stale, attempt: ATTEMPT })).rejects.toThrow();
    expectReplaced();
  },
);

test.each([1, 2, 3, 4])(
  'a stale attempt at the first generation, before its step %i',
  async (at) => {
    const db = await openTestPglite();
    await writeGraph(db, numbered(ROWS));
    const { bigQuery, openSink } = await openBigQuery();
    const stale = interrupted(await openSink(db), at, async () => {
      await askAgain(db);
      await exportOnce({ db, sink: await openSink(db), attempt: 2 });
    });
    await expect(exportOnce({ db, sink: stale })).rejects.toThrow();
    expect(landedRows(bigQuery)).toEqual(numberedRows(ROWS));
  },
);

eachDatabase((open, _, { crashAt: at }) => {
  test('a process that dies at any step of the database', async () => {
    const db = await open();
    const { openSink, begin, expectNoStaging } = await openWorld(db);
    const steps = await forEachCrash(
      async (faults) => {
        const { run, expectReplaced } = await begin();
        const dying = faults.wrap(db);
        const sink = await openSink(dying);
        await faults.run(() => exportOnce({ ...run, db: dying, sink, attempt: ATTEMPT }));
        await exportOnce({ ...run, sink: await openSink(db), attempt: ATTEMPT + 1 });
        expectReplaced();
      },
      { at },
    );
    expect(steps).toBeGreaterThan(at === 'effects' ? 2 : 15);
    expectNoStaging();
  });
});

function isOf({ exported }: Readonly<Record<string, unknown>>, id: string): boolean {
  return (exported as { readonly id: string }).id === id;
}
