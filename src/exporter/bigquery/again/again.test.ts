/** Exports that are made again replace the rows of the earlier generations. */
import { describe, expect, test } from 'vitest';
import { openTestPglite } from '../../../../test/support/databases/databases.ts';
import {
  askAgain,
  exportOnce,
  landedRows,
  numbered,
  numberedRows,
} from '../../../../test/support/exports/bigquery-exports.ts';
import { openBigQuery, TABLE } from '../../../../test/support/exports/bigquery-world.ts';
import { writeGraph } from '../../../../test/support/exports/export-graph.ts';
import { INVOCATION_ROW_INDEX } from '../../export-index.ts';
import { SinkBusyError } from '../../sink.ts';

const ROWS = 9;
const DAY_MS = 24 * 3_600_000;
const APIS = ['storage-write', 'insert-all'] as const;

async function openWorld(api: (typeof APIS)[number] = 'storage-write') {
  const db = await openTestPglite();
  await writeGraph(db, { ...numbered(ROWS), ...numbered(3, 'other') });
  const world = await openBigQuery({ streamingBufferMs: api === 'insert-all' ? 60_000 : 0 });
  const open = () => world.openSink(db, { api });
  await exportOnce({ db, sink: await open(), id: 'other' });
  await exportOnce({ db, sink: await open() });
  world.clock.advance(60_000);
  return { ...world, db, open };
}

const BOTH = [...numberedRows(ROWS), ...numberedRows(3, 'other')].sort();

describe.each(APIS)('through %s', (api) => {
  test('the rows are replaced, those of other runs stay, and no staging table is left', async () => {
    const { bigQuery, db, open } = await openWorld(api);
    const before = bigQuery.landed(TABLE)?.filter(({ row }) => isOf(row, 'a'));
    for (const generation of [1, 2]) {
      await askAgain(db, { generation });
      const receipt = await exportOnce({ db, sink: await open(), attempt: 1 + generation });
      expect(receipt).toEqual({ rows: ROWS, rejected: 0, location: 'acme.tests.results' });
      expect(landedRows(bigQuery)).toEqual(BOTH);
    }
    for (const old of before ?? []) expect(bigQuery.landed(TABLE)).not.toContain(old);
    expect(bigQuery.tablesOf(TABLE)).toEqual([TABLE.table]);
  });

  test('rows that the table refuses are told, and replace nothing', async () => {
    const { bigQuery, db, open } = await openWorld(api);
    bigQuery.rejectRows(({ test_id }) => (test_id === 't4' ? 'no' : undefined));
    await askAgain(db);
    const receipt = await exportOnce({ db, sink: await open(), attempt: 2 });
    expect(receipt).toMatchObject({ rows: ROWS - 1, rejected: 1 });
    expect(landedRows(bigQuery)).toEqual(BOTH.filter((row) => row !== 'a/t4/0'));
  });
});

test.each(APIS)('the row of an invocation itself is replaced through %s', async (api) => {
  const { bigQuery, clock, db, open } = await openWorld(api);
  const runs = { table: 'runs', index: INVOCATION_ROW_INDEX };
  for (const id of ['a', 'other']) await exportOnce({ ...runs, db, id, sink: await open() });
  clock.advance(60_000);
  await askAgain(db, runs);
  await exportOnce({ ...runs, db, sink: await open(), attempt: 2 });
  const rows = bigQuery.landed({ ...TABLE, table: 'runs' }) ?? [];
  expect(rows.map(({ row }) => row.id)).toEqual(['other', 'a']);
});

test('a row that insertAll has written twice is in the table once', async () => {
  const { bigQuery, clock, db, open } = await openWorld('insert-all');
  await askAgain(db);
  const signal = AbortSignal.abort(new Error('stopped'));
  const stopping = await open();
  const session = stopping.begin.bind(stopping);
  stopping.begin = async (exported, given) => {
    const begun = await session(exported, given);
    if (!('append' in begun)) return begun;
    return {
      ...begun,
      append: (batch) => begun.append(batch),
      commit: (summary) => begun.commit(summary, signal),
      abort: () => begun.abort(),
    };
  };
  await expect(exportOnce({ db, sink: stopping, attempt: 2 })).rejects.toThrow('stopped');
  clock.advance(120_000); // insert ids are forgotten
  await exportOnce({ db, sink: await open(), attempt: 3 });
  expect(landedRows(bigQuery)).toEqual(BOTH);
});

test('rows in the streaming buffer postpone the export', async () => {
  const { bigQuery, clock, db, open } = await openWorld('insert-all');
  await askAgain(db);
  await exportOnce({ db, sink: await open(), attempt: 2 });
  // The rows of a job are not in the buffer, so only those of the other run are.
  await askAgain(db, { id: 'other' });
  clock.advance(-60_000);
  const busy = await exportOnce({ db, sink: await open(), id: 'other', attempt: 2 }).catch(
    (e) => e,
  );
  expect(busy).toBeInstanceOf(SinkBusyError);
  expect(busy).toMatchObject({
    delayMs: 600_000,
    message: expect.stringMatching(/streaming buffer/),
  });
  clock.advance(120_000);
  await exportOnce({ db, sink: await open(), id: 'other', attempt: 3 });
  expect(landedRows(bigQuery)).toEqual(BOTH);
});

test('an export whose staging table is gone starts over', async () => {
  const { bigQuery, clock, db, open } = await openWorld();
  await askAgain(db);
  bigQuery.failJobs(() => ({ reason: 'invalidQuery', message: 'no' }));
  await expect(exportOnce({ db, sink: await open(), attempt: 2 })).rejects.toMatchObject({
    code: 'invalid-argument',
  });
  bigQuery.failJobs(() => undefined);
  expect(bigQuery.tablesOf(TABLE)).toHaveLength(2);
  clock.advance(8 * DAY_MS);
  expect(bigQuery.tablesOf(TABLE)).toHaveLength(1);
  await exportOnce({ db, sink: await open(), attempt: 3 });
  expect(landedRows(bigQuery)).toEqual(BOTH);
});

test('an export whose stream is forgotten starts over', async () => {
  const { bigQuery, clock, db, open } = await openWorld();
  await askAgain(db);
  bigQuery.forbidJobs();
  await expect(exportOnce({ db, sink: await open(), attempt: 2 })).rejects.toMatchObject({
    code: 'permission-denied',
  });
  bigQuery.forbidJobs(false);
  clock.advance(5 * DAY_MS);
  await exportOnce({ db, sink: await open(), attempt: 3 });
  expect(landedRows(bigQuery)).toEqual(BOTH);
});

test.each([
  [
    {
      reason: 'invalidQuery',
      message: 'Could not serialize access to table due to concurrent update',
    },
  ],
  [{ reason: 'backendError', message: 'try again' }],
  [{ reason: 'quotaExceeded', message: 'too many DML statements' }],
])('a job that failed is followed by another: %j', async (error) => {
  const { bigQuery, db, open } = await openWorld();
  await askAgain(db);
  let failures = 2;
  bigQuery.failJobs(() => (failures-- > 0 ? error : undefined));
  await exportOnce({ db, sink: await open(), attempt: 2 });
  expect(landedRows(bigQuery)).toEqual(BOTH);
  expect(failures).toBeLessThan(0);
});

test('two exports of one run to one table cannot be made again', async () => {
  const { db, open } = await openWorld();
  await askAgain(db, { index: 1_000_000 });
  await askAgain(db);
  const again = exportOnce({ db, sink: await open(), attempt: 2 });
  await expect(again).rejects.toMatchObject({
    code: 'invalid-argument',
    message: expect.stringContaining('several exports to acme.tests.results'),
  });
});

function isOf({ exported }: Readonly<Record<string, unknown>>, id: string): boolean {
  return (exported as { readonly id: string }).id === id;
}
