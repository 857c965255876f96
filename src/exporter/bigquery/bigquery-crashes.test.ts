/** Whatever dies at whatever step, each row lands once through the Storage Write API. */

import { seededRandom } from '@postlude/queue/foundations';
import type { Database } from '@postlude/queue/storage';
import { Faults, forEachCrash } from '@postlude/queue/testing';
import { expect, test } from 'vitest';
import { forEachStep, UNREACHED } from '../../../test/support/bigquery/faults.ts';
import { eachDatabase, openTestPglite } from '../../../test/support/databases/databases.ts';
import {
  exportOnce,
  exportUntilDone,
  landedRows,
  numbered,
  numberedRows,
} from '../../../test/support/exports/bigquery-exports.ts';
import { openBigQuery } from '../../../test/support/exports/bigquery-world.ts';
import { writeGraph } from '../../../test/support/exports/export-graph.ts';
import { readRejectedRows } from '../rejected-rows.ts';

const ROWS = 11;
const BAD = ['t3', 't4', 't8'];

/** Each run writes into a table of its own. */
async function openWorld(db: Database) {
  await writeGraph(db, numbered(ROWS));
  const world = await openBigQuery({ streamsPerSecond: 1_000 });
  world.bigQuery.rejectRows(({ test_id }) => (BAD.includes(String(test_id)) ? 'no' : undefined));
  let runs = 0;
  const begin = () => {
    const index = ++runs;
    const table = `results${index}`;
    world.bigQuery.faults.clear();
    const good = numberedRows(ROWS).filter((row) => !BAD.includes(row.split('/')[1] ?? ''));
    const expectWhole = async () => {
      expect(landedRows(world.bigQuery, table)).toEqual(good);
      const name = { invocationId: 'a', index };
      const rejected = await db.read((tx) => readRejectedRows(tx, name, { limit: 99 }));
      expect(rejected.map(({ testId }) => testId).sort()).toEqual([...BAD].sort());
    };
    return { db, table, index, good, expectWhole };
  };
  return { ...world, begin };
}

test.each(UNREACHED)('each row lands once after %s at any step', async (_, faultOf) => {
  const db = await openTestPglite();
  const { bigQuery, openSink, begin } = await openWorld(db);
  const steps = await forEachStep(bigQuery.faults, faultOf, async (arm) => {
    const { expectWhole, ...run } = begin();
    arm();
    const { receipt } = await exportUntilDone({ ...run, openSink: () => openSink(db) });
    expect(receipt).toMatchObject({ rows: ROWS - BAD.length, rejected: BAD.length });
    await expectWhole();
  });
  expect(steps).toBeGreaterThan(8);
});

test('each row lands once if the process dies at any step of BigQuery', async () => {
  const db = await openTestPglite();
  const { bigQuery, openSink, begin } = await openWorld(db);
  for (let step = 1; ; step++) {
    const { expectWhole, ...run } = begin();
    // The process is dead at once for its database, while what it sent goes on.
    const faults = new Faults();
    let isDead = false;
    const dying: Pick<Database, 'read' | 'write'> = {
      read: (fn) => (isDead ? Promise.reject(new Error('dead')) : db.read(fn)),
      write: (fn) => (isDead ? Promise.reject(new Error('dead')) : db.write(fn)),
    };
    const at = bigQuery.faults.steps.length + step;
    bigQuery.faults.at(at, { kind: 'run', run: () => (isDead = true) });
    const sink = await openSink(dying);
    await faults.run(() => exportOnce({ ...run, db: dying, sink }).catch(() => undefined));
    bigQuery.faults.clear();
    await exportOnce({ ...run, sink: await openSink(db), attempt: 2 });
    await expectWhole();
    if (!isDead) break;
  }
});

test.each(Array.from({ length: 20 }, (_, seed) => seed))(
  'each row lands once while steps fail at random, seed %i',
  async (seed) => {
    const db = await openTestPglite();
    const { bigQuery, openSink, begin } = await openWorld(db);
    const { expectWhole, ...run } = begin();
    bigQuery.faults.seed(seededRandom(seed), 0.15);
    await exportUntilDone({ ...run, openSink: () => openSink(db) });
    await expectWhole();
  },
);

test.each(Array.from({ length: 10 }, (_, seed) => seed))(
  'each row lands at least once through insertAll while steps fail at random, seed %i',
  async (seed) => {
    const db = await openTestPglite();
    const { bigQuery, openSink, begin } = await openWorld(db);
    const run = begin();
    bigQuery.faults.seed(seededRandom(seed), 0.25);
    const open = () => openSink(db, { api: 'insert-all' });
    const { receipt } = await exportUntilDone({ ...run, openSink: open });
    expect(receipt).toMatchObject({ rows: ROWS - BAD.length, rejected: BAD.length });
    expect([...new Set(landedRows(bigQuery, run.table))]).toEqual(run.good);
  },
);

eachDatabase((open, _, { crashAt: at }) => {
  test('each row lands once if the process dies at any step of the database', async () => {
    const db = await open();
    const { openSink, begin } = await openWorld(db);
    const steps = await forEachCrash(
      async (faults) => {
        const { expectWhole, ...run } = begin();
        const dying = faults.wrap(db);
        const sink = await openSink(dying);
        await faults.run(() => exportOnce({ ...run, db: dying, sink }));
        await exportOnce({ ...run, sink: await openSink(db), attempt: 2 });
        await expectWhole();
      },
      { at },
    );
    expect(steps).toBeGreaterThan(at === 'effects' ? 2 : 10);
  });
});
