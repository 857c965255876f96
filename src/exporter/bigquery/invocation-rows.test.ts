/** The rows of invocations in BigQuery: each lands once, whatever dies, and they share streams. */
import { forEachLimit, seededRandom } from '@postlude/queue/foundations';
import type { Database } from '@postlude/queue/storage';
import { forEachCrash } from '@postlude/queue/testing';
import { expect, test } from 'vitest';
import { forEachStep, UNREACHED } from '../../../test/support/bigquery/faults.ts';
import { eachDatabase, openTestPglite } from '../../../test/support/databases/databases.ts';
import {
  askAgain,
  exportOnce,
  exportUntilDone,
} from '../../../test/support/exports/bigquery-exports.ts';
import { openBigQuery, TABLE } from '../../../test/support/exports/bigquery-world.ts';
import { writeGraph } from '../../../test/support/exports/export-graph.ts';
import { INVOCATION_ROW_INDEX as index } from '../export-index.ts';
import { readRejectedRows } from '../rejected-rows.ts';

/** Each run exports the row of an invocation of its own into the table of all. */
async function openWorld(db: Database) {
  await writeGraph(db, { b: {}, c: {} });
  const world = await openBigQuery({ streamsPerSecond: 1_000 });
  const { bigQuery } = world;
  let runs = 0;
  const begin = async () => {
    const id = `a${++runs}`;
    const tags = [{ key: 'os', value: 'linux' }];
    await writeGraph(db, { [id]: { includes: ['c', 'b'], tags, results: [{ testId: 't' }] } });
    bigQuery.faults.clear();
    return { db, id, index };
  };
  const idsOf = () => bigQuery.rows(TABLE).map((row) => row.id);
  const expectOnce = () => {
    const ids = Array.from({ length: runs }, (_, run) => `a${run + 1}`);
    expect(idsOf().sort()).toEqual(ids.sort());
  };
  return { ...world, begin, idsOf, expectOnce };
}

test.each(['storage-write', 'insert-all'] as const)(
  'through %s, the row of an invocation has all that is known of it, in a table of its own columns',
  async (api) => {
    const db = await openTestPglite();
    const { bigQuery, openSink, begin } = await openWorld(db);
    const receipt = await exportOnce({ ...(await begin()), sink: await openSink(db, { api }) });
    expect(receipt).toEqual({ rows: 1, rejected: 0, location: 'acme.tests.results' });
    expect(bigQuery.rows(TABLE)).toEqual([
      {
        project: 'acme',
        realm: 'ci',
        id: 'a1',
        create_time: '2026-01-02T03:04:05.000000Z',
        tags: [{ key: 'os', value: 'linux' }],
        finalize_time: '2026-01-02T03:05:05.000000Z',
        included_invocations: ['b', 'c'],
        partition_time: '2026-01-02T03:04:05.000000Z',
        is_export_root: false,
      },
    ]);
  },
);

test.each(['storage-write', 'insert-all'] as const)(
  'through %s, a row that is made again replaces the earlier one, and no other',
  async (api) => {
    const db = await openTestPglite();
    const { bigQuery, clock, openSink, begin, expectOnce } = await openWorld(db);
    const sink = await openSink(db, { api });
    const [run, other] = [await begin(), await begin()];
    for (const each of [run, other]) await exportOnce({ ...each, sink });
    const before = bigQuery.landed(TABLE) ?? [];
    clock.advance(24 * 3_600_000); // insertAll's rows cannot be replaced while they are in a buffer.
    await askAgain(db, { id: run.id, index });
    expect(await exportOnce({ ...run, sink, attempt: 2 })).toMatchObject({ rows: 1 });
    expectOnce();
    const kept = bigQuery.landed(TABLE)?.filter((row) => before.includes(row));
    expect(kept?.map(({ row }) => row.id)).toEqual([other.id]);
  },
);

test.each([1, 4])('rows that are exported %i at a time take no more streams', async (atOnce) => {
  const db = await openTestPglite();
  const { bigQuery, openSink, begin, expectOnce } = await openWorld(db);
  const sink = await openSink(db);
  const runs = await Promise.all(Array.from({ length: 20 }, begin));
  await forEachLimit(runs, atOnce, async (run) => void (await exportOnce({ ...run, sink })));
  expectOnce();
  const created = bigQuery.faults.steps.filter((step) => step === 'CreateWriteStream');
  expect(created.length).toBeLessThanOrEqual(atOnce);
});

test('a row and test results go into their tables through streams of their own', async () => {
  const db = await openTestPglite();
  const { bigQuery, openSink, begin, idsOf } = await openWorld(db);
  const sink = await openSink(db);
  for (let times = 0; times < 2; times++) {
    const run = await begin();
    await exportOnce({ ...run, sink });
    await exportOnce({ ...run, sink, index: 0, table: 'others' });
  }
  expect(idsOf()).toEqual(['a1', 'a2']);
  expect(bigQuery.rows({ ...TABLE, table: 'others' })).toMatchObject([
    { exported: { id: 'a1' }, test_id: 't' },
    { exported: { id: 'a2' }, test_id: 't' },
  ]);
});

test('a row that is rejected is kept with the reason, by the name of its invocation', async () => {
  const db = await openTestPglite();
  const { bigQuery, openSink, begin } = await openWorld(db);
  bigQuery.rejectRows(() => 'no');
  const receipt = await exportOnce({ ...(await begin()), sink: await openSink(db) });
  expect(receipt).toMatchObject({ rows: 0, rejected: 1 });
  const name = { invocationId: 'a1', index };
  const rejected = await db.read((tx) => readRejectedRows(tx, name, { limit: 9 }));
  expect(rejected).toMatchObject([{ row: 0, parentId: 'a1', testId: '', resultId: '' }]);
});

test.each(UNREACHED)('each row lands once after %s at any step', async (_, faultOf) => {
  const db = await openTestPglite();
  const { bigQuery, openSink, begin, expectOnce } = await openWorld(db);
  const steps = await forEachStep(bigQuery.faults, faultOf, async (arm) => {
    const run = await begin();
    arm();
    const { receipt } = await exportUntilDone({ ...run, openSink: () => openSink(db) });
    expect(receipt).toMatchObject({ rows: 1, rejected: 0 });
    expectOnce();
  });
  expect(steps).toBeGreaterThan(2);
});

test('each row lands once if the process dies at any step of BigQuery', async () => {
  const db = await openTestPglite();
  const { bigQuery, openSink, begin, expectOnce } = await openWorld(db);
  for (let step = 1; ; step++) {
    const run = await begin();
    // The process is dead at once for its database, while what it sent goes on.
    let isDead = false;
    const dying: Pick<Database, 'read' | 'write'> = {
      read: (fn) => (isDead ? Promise.reject(new Error('dead')) : db.read(fn)),
      write: (fn) => (isDead ? Promise.reject(new Error('dead')) : db.write(fn)),
    };
    const at = bigQuery.faults.steps.length + step;
    bigQuery.faults.at(at, { kind: 'run', run: () => (isDead = true) });
    const sink = await openSink(dying);
    await exportOnce({ ...run, db: dying, sink }).catch(() => undefined);
    bigQuery.faults.clear();
    await exportOnce({ ...run, sink: await openSink(db), attempt: 2 });
    expectOnce();
    if (!isDead) break;
  }
});

test.each(Array.from({ length: 20 }, (_, seed) => seed))(
  'each row lands once while steps fail at random, seed %i',
  async (seed) => {
    const db = await openTestPglite();
    const { bigQuery, openSink, begin, expectOnce } = await openWorld(db);
    for (let times = 0; times < 3; times++) {
      const run = await begin();
      bigQuery.faults.seed(seededRandom(seed * 3 + times), 0.25);
      await exportUntilDone({ ...run, openSink: () => openSink(db) });
    }
    expectOnce();
  },
);

test.each(Array.from({ length: 5 }, (_, seed) => seed))(
  'each row lands at least once through insertAll while steps fail at random, seed %i',
  async (seed) => {
    const db = await openTestPglite();
    const { bigQuery, openSink, begin, idsOf } = await openWorld(db);
    const run = await begin();
    bigQuery.faults.seed(seededRandom(seed), 0.25);
    await exportUntilDone({ ...run, openSink: () => openSink(db, { api: 'insert-all' }) });
    expect(new Set(idsOf())).toEqual(new Set(['a1']));
  },
);

eachDatabase((open) => {
  test('each row lands once if the process dies at any step of the database', async () => {
    const db = await open();
    const { openSink, begin, expectOnce } = await openWorld(db);
    const steps = await forEachCrash(async (faults) => {
      const run = await begin();
      const dying = faults.wrap(db);
      const sink = await openSink(dying);
      await faults.run(() => exportOnce({ ...run, db: dying, sink }));
      await exportOnce({ ...run, sink: await openSink(db), attempt: 2 });
      expectOnce();
    });
    expect(steps).toBeGreaterThan(10);
  });
});
