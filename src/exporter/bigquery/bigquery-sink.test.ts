import { describe, expect, test } from 'vitest';
import { openTestPglite } from '../../../test/support/databases/databases.ts';
import {
  exportOnce,
  exportUntilDone,
  landedRows,
  numbered,
  numberedRows,
} from '../../../test/support/exports/bigquery-exports.ts';
import { type Api, openBigQuery, TABLE } from '../../../test/support/exports/bigquery-world.ts';
import { writeGraph } from '../../../test/support/exports/export-graph.ts';
import { readRejectedRows } from '../rejected-rows.ts';
import { TEST_RESULTS } from '../rows/row-kind.ts';
import { openTableClient } from './clients/google-table-client.ts';
import { tableOf } from './tables/table-definition.ts';

const APIS: readonly Api[] = ['storage-write', 'insert-all'];

describe.each(APIS)('through %s', (api) => {
  test('each row lands once, and the receipt is found again', async () => {
    const db = await openTestPglite();
    await writeGraph(db, numbered(25));
    const { bigQuery, openSink } = await openBigQuery();
    const sink = await openSink(db, { api });
    const receipt = { rows: 25, rejected: 0, location: 'acme.tests.results' };
    expect(await exportOnce({ db, sink })).toEqual(receipt);
    expect(await exportOnce({ db, sink: await openSink(db), attempt: 2 })).toEqual(receipt);
    expect(landedRows(bigQuery)).toEqual(numberedRows(25));
  });

  test('a row has all that the result has, and no column for what it has not', async () => {
    const db = await openTestPglite();
    const pairs = [{ key: 'os', value: 'linux' }];
    const result = {
      testId: 'é',
      variant: { os: 'linux' },
      summaryHtml: '<b>',
      startTime: Date.UTC(2026, 0, 2, 3, 4, 5) + 0.001,
      durationMicros: 1_500_000,
      tags: pairs,
    };
    const change = { host: 'review.example', project: 'shop', change: 12n, patchset: 3n };
    const fields = { sourceSpec: { sources: { changelists: [change] } } };
    await writeGraph(db, { a: { tags: pairs, properties: { x: 1 }, fields, results: [result] } });
    const { bigQuery, openSink } = await openBigQuery();
    await exportOnce({ db, sink: await openSink(db, { api }) });
    const invocation = { id: 'a', realm: 'acme:ci', tags: pairs, properties: '{"x":1}' };
    expect(bigQuery.rows(TABLE)).toEqual([
      {
        exported: invocation,
        parent: invocation,
        test_id: 'é',
        result_id: '0',
        variant: pairs,
        variant_hash: expect.any(String),
        expected: true,
        status: 'PASS',
        summary_html: '<b>',
        start_time: '2026-01-02T03:04:05.000001Z',
        duration: 1.5,
        tags: pairs,
        exonerated: false,
        partition_time: '2026-01-02T03:04:05.000000Z',
        insert_time: '2026-01-02T03:05:05.000000Z',
        sources: { changelists: [{ ...change, change: 12, patchset: 3 }], is_dirty: false },
        test_id_structured: {
          module_name: 'legacy',
          module_scheme: 'legacy',
          module_variant: '{"os":"linux"}',
          module_variant_hash: expect.any(String),
          coarse_name: '',
          fine_name: '',
          case_name: 'é',
        },
        status_v2: 'PASSED',
      },
    ]);
  });

  test('rejected rows are kept with their reasons, and the others land', async () => {
    const db = await openTestPglite();
    await writeGraph(db, numbered(25));
    const { bigQuery, openSink } = await openBigQuery();
    const bad = ['t1', 't13', 't14', 't24'];
    bigQuery.rejectRows(({ test_id }) => (bad.includes(String(test_id)) ? 'no' : undefined));
    const receipt = await exportOnce({ db, sink: await openSink(db, { api }) });
    expect(receipt).toMatchObject({ rows: 21, rejected: 4 });
    const good = numberedRows(25).filter((row) => !bad.includes(row.split('/')[1] ?? ''));
    expect(landedRows(bigQuery)).toEqual(good);
    const name = { invocationId: 'a', index: 0 };
    const rejected = await db.read((tx) => readRejectedRows(tx, name, { limit: 10 }));
    expect(rejected.map(({ testId }) => testId).sort()).toEqual([...bad].sort());
    expect(rejected[0]).toMatchObject({
      parentId: 'a',
      resultId: '0',
      reason: expect.stringContaining('no'),
    });
  });

  test('an export without rows is done', async () => {
    const db = await openTestPglite();
    await writeGraph(db, { a: {} });
    const { bigQuery, openSink } = await openBigQuery();
    const receipt = await exportOnce({ db, sink: await openSink(db, { api }) });
    expect(receipt).toMatchObject({ rows: 0, rejected: 0 });
    expect(bigQuery.landed(TABLE)).toEqual([]);
  });

  test('a result that two exports have in common lands once for each', async () => {
    const db = await openTestPglite();
    await writeGraph(db, { ...numbered(3), b: { includes: ['a'] } });
    const { bigQuery, openSink } = await openBigQuery();
    const sink = await openSink(db, { api });
    await exportOnce({ db, sink });
    await exportOnce({ db, sink, index: 1 });
    await exportOnce({ db, sink, id: 'b' });
    expect(landedRows(bigQuery)).toEqual([1, 2, 3].flatMap(() => numberedRows(3)).sort());
  });

  test.each([
    ['a table that may not be read', 'permission-denied', 'results'],
    ['a dataset that does not exist', 'not-found', undefined],
  ])('%s is reported as %s', async (_, code, table) => {
    const db = await openTestPglite();
    await writeGraph(db, numbered(3));
    const { bigQuery, openSink } = await openBigQuery();
    if (table) bigQuery.forbid({ ...TABLE, table });
    const sink = await openSink(db, { api });
    const dataset = table ? 'tests' : 'none';
    await expect(exportOnce({ db, sink, dataset })).rejects.toMatchObject({ code });
  });

  test('a table that is deleted after it was ensured is created again', async () => {
    const db = await openTestPglite();
    await writeGraph(db, { ...numbered(5), ...numbered(5, 'b') });
    const { bigQuery, openSink } = await openBigQuery();
    const sink = await openSink(db, { api });
    await exportOnce({ db, sink });
    bigQuery.deleteTable(TABLE);
    await exportUntilDone({ db, id: 'b', openSink: async () => sink });
    expect(landedRows(bigQuery)).toEqual(numberedRows(5, 'b'));
  });

  test.each(['tableVisibleAfterMs', 'schemaVisibleAfterMs'])(
    'no row is lost or rejected while BigQuery is slow to notice (%s)',
    async (limit) => {
      const db = await openTestPglite();
      await writeGraph(db, { a: { tags: [{ key: 'k', value: 'v' }], results: [{ testId: 't' }] } });
      const { bigQuery, clock, openSink } = await openBigQuery({ [limit]: 60_000 });
      if (limit === 'schemaVisibleAfterMs') {
        const { httpUrl } = bigQuery;
        const fields = tableOf(TEST_RESULTS).schema.fields.filter(
          ({ name }) => name !== 'exported',
        );
        const schema = { fields };
        const client = await openTableClient({ endpoint: httpUrl });
        await client.create(TABLE, { ...tableOf(TEST_RESULTS), schema });
      }
      const sink = await openSink(db, { api });
      const { receipt, attempts } = await exportUntilDone({
        db,
        openSink: async () => {
          clock.advance(20_000);
          return sink;
        },
      });
      expect(receipt).toMatchObject({ rows: 1, rejected: 0 });
      expect(attempts).toBeGreaterThan(1);
      expect(bigQuery.rows(TABLE)).toMatchObject([{ test_id: 't', exported: { id: 'a' } }]);
    },
  );

  test('a quota that is used up holds the export up, and not for ever', async () => {
    const db = await openTestPglite();
    await writeGraph(db, numbered(9));
    const { bigQuery, clock, openSink } = await openBigQuery();
    const operation = api === 'insert-all' ? 'tabledata.insertAll' : 'AppendRows';
    const code = 'RESOURCE_EXHAUSTED';
    for (let nth = 1; nth <= 3; nth++) {
      bigQuery.faults.on(operation, nth, { kind: 'status', code, when: 'before' });
    }
    await exportOnce({ db, sink: await openSink(db, { api }) });
    expect(landedRows(bigQuery)).toEqual(numberedRows(9));
    expect(clock.pausesMs.length).toBeGreaterThan(0);
  });
});

test('the bytes on their way are bounded, and a row that is too large is rejected', async () => {
  const db = await openTestPglite();
  const results = Array.from({ length: 60 }, (_, index) => {
    return { testId: `t${index}`, summaryHtml: 'x'.repeat(500_000) };
  });
  const tags = [{ key: 'k', value: 'x'.repeat(6_000_000) }];
  await writeGraph(db, {
    a: { includes: ['b'], results },
    b: { tags, results: [{ testId: 't' }] },
  });
  const { bigQuery, openSink } = await openBigQuery();
  const limits = { rows: 20_000, bytes: 2_000_000, inFlight: 4 };
  const sink = await openSink(db, { limits });
  expect(await exportOnce({ db, sink })).toMatchObject({ rows: 60, rejected: 1 });
  expect(landedRows(bigQuery)).toEqual(numberedRows(60));
  expect(bigQuery.peakInFlightBytes).toBeLessThan(4 * 2_100_000);
});

test('small exports share a stream', async () => {
  const db = await openTestPglite();
  const ids = Array.from({ length: 20 }, (_, index) => `i${index}`);
  await writeGraph(db, Object.assign({}, ...ids.map((id) => numbered(3, id))));
  const { bigQuery, openSink } = await openBigQuery();
  const sink = await openSink(db);
  for (const id of ids) await exportOnce({ db, sink, id });
  expect(landedRows(bigQuery)).toEqual(ids.flatMap((id) => numberedRows(3, id)).sort());
  expect(bigQuery.streams).toHaveLength(1);
});

test('an export goes on in another table api than it began with', async () => {
  const db = await openTestPglite();
  await writeGraph(db, numbered(30));
  const { bigQuery, openSink } = await openBigQuery();
  bigQuery.faults.on('AppendRows', 4, { kind: 'run', run: () => bigQuery.forbid(TABLE) });
  await expect(exportOnce({ db, sink: await openSink(db) })).rejects.toThrow();
  bigQuery.forbid(TABLE, false);
  await exportOnce({ db, sink: await openSink(db, { api: 'insert-all' }), attempt: 2 });
  expect(landedRows(bigQuery)).toEqual(numberedRows(30));
});

test('an export whose stream is gone is dead, with the reason', async () => {
  const db = await openTestPglite();
  await writeGraph(db, numbered(30));
  const { bigQuery, openSink } = await openBigQuery();
  const run = () => bigQuery.deleteTable(TABLE);
  bigQuery.faults.on('AppendRows', 4, { kind: 'run', run });
  await expect(exportOnce({ db, sink: await openSink(db) })).rejects.toMatchObject({
    code: 'unavailable',
  });
  await expect(exportOnce({ db, sink: await openSink(db), attempt: 2 })).rejects.toMatchObject({
    code: 'not-found',
    message: expect.stringContaining('it is not known which of its rows are in acme.tests.results'),
  });
});
