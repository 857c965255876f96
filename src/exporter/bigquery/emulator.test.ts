/** The statements of docs/bigquery.md, on rows that a real SQL engine has taken. */
import type { Database } from '@postlude/queue/storage';
import { afterAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { openTestPglite } from '../../../test/support/databases/databases.ts';
import { askAgain, exportOnce, numbered } from '../../../test/support/exports/bigquery-exports.ts';
import { type Api, TABLE } from '../../../test/support/exports/bigquery-world.ts';
import { writeGraph } from '../../../test/support/exports/export-graph.ts';
import { ImpatientClock } from '../../../test/support/exports/impatient-clock.ts';
import {
  type BigQueryEmulator,
  startBigQueryEmulator,
} from '../../../test/support/network/bigquery-emulator.ts';
import { INVOCATION_ROW_INDEX } from '../export-index.ts';
import { BigQuerySink } from './bigquery-sink.ts';
import { openJobClient } from './clients/google-job-client.ts';
import { openStreamClient } from './clients/google-stream-client.ts';
import { openTableClient } from './clients/google-table-client.ts';

let emulator: Promise<BigQueryEmulator> | undefined;

afterAll(async () => {
  await (await emulator)?.stop();
});

async function query(sql: string): Promise<readonly (readonly unknown[])[]> {
  const { httpUrl } = await (emulator as Promise<BigQueryEmulator>);
  const response = await fetch(`${httpUrl}/bigquery/v2/projects/${TABLE.project}/queries`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: sql, useLegacySql: false }),
  });
  const { rows = [] } = (await response.json()) as { rows?: { f: { v: unknown }[] }[] };
  return rows.map(({ f }) => f.map(({ v }) => v));
}

async function openSink(db: Database, api: Api): Promise<BigQuerySink> {
  emulator ??= startBigQueryEmulator(TABLE.project, TABLE.dataset);
  const { httpUrl, grpcHost } = await emulator;
  const sink = new BigQuerySink({
    api,
    db,
    tables: await openTableClient({ endpoint: httpUrl }),
    streams: await openStreamClient({ endpoint: grpcHost }),
    jobs: await openJobClient({ endpoint: httpUrl }),
    clock: new ImpatientClock(),
    random: () => 0.5,
  });
  onTestFinished(() => sink.close());
  return sink;
}

describe.runIf(inject('hasBigQueryEmulator'))('on the emulator', () => {
  test.each(['storage-write', 'insert-all'] as const)('rows of %s are queried', async (api) => {
    const db = await openTestPglite();
    await writeGraph(db, numbered(25));
    const sink = await openSink(db, api);
    const table = `results_${api.replace('-', '_')}`;
    await exportOnce({ db, sink, table });
    await exportOnce({ db, sink, table, index: 1 });
    const rows = `${TABLE.dataset}.${table}`;
    const days = "partition_time >= TIMESTAMP '2026-01-01'";
    const counted = await query(`SELECT COUNT(*), MIN(exported.id) FROM ${rows} WHERE ${days}`);
    expect(counted).toEqual([['50', 'a']]);
    const once = `SELECT * FROM ${rows} WHERE TRUE QUALIFY ROW_NUMBER() OVER (
      PARTITION BY partition_time, exported.id, parent.id, test_id, result_id) = 1`;
    expect(await query(`SELECT COUNT(*) FROM (${once})`)).toEqual([['25']]);
  });

  test.each(['storage-write', 'insert-all'] as const)(
    'the row of an invocation of %s is queried beside its results',
    async (api) => {
      const db = await openTestPglite();
      const properties = { command: { exitCode: 1 } };
      const { a } = numbered(5);
      await writeGraph(db, { b: {}, c: {}, a: { ...a, includes: ['c', 'b'], properties } });
      const sink = await openSink(db, api);
      const [results, runs] = ['beside', 'runs'].map((name) => `${name}_${api.replace('-', '_')}`);
      await exportOnce({ db, sink, table: results ?? '' });
      await exportOnce({ db, sink, table: runs ?? '', index: INVOCATION_ROW_INDEX });
      const joined = await query(`
        SELECT run.id, run.realm, TIMESTAMP_DIFF(run.finalize_time, run.create_time, SECOND),
          ARRAY_TO_STRING(run.included_invocations, '+'),
          JSON_VALUE(run.properties, '$.command.exitCode'), COUNT(*)
        FROM ${TABLE.dataset}.${runs} AS run
        JOIN ${TABLE.dataset}.${results} AS result ON result.exported.id = run.id
        GROUP BY 1, 2, 3, 4, 5`);
      expect(joined).toEqual([['a', 'ci', '60', 'b+c', '1', '5']]);
    },
  );

  // It does not know sources that are queries, which insert-all would need.
  test('rows of an export that is made again replace the earlier ones', async () => {
    const db = await openTestPglite();
    await writeGraph(db, { ...numbered(25), ...numbered(3, 'b') });
    const sink = await openSink(db, 'storage-write');
    const table = 'made_again';
    await exportOnce({ db, sink, table });
    await exportOnce({ db, sink, table, id: 'b' });
    const rows = `FROM ${TABLE.dataset}.${table}`;
    await query(`DELETE ${rows} WHERE test_id IN ('t9', 't10')`);
    await askAgain(db, { table });
    expect(await exportOnce({ db, sink, table, attempt: 2 })).toMatchObject({ rows: 25 });
    const counted = `SELECT exported.id, COUNT(*), COUNT(DISTINCT test_id) ${rows} GROUP BY 1 ORDER BY 1`;
    expect(await query(counted)).toEqual([
      ['a', '25', '25'],
      ['b', '3', '3'],
    ]);
    const { httpUrl } = await (emulator as Promise<BigQueryEmulator>);
    const path = `projects/${TABLE.project}/datasets/${TABLE.dataset}/tables`;
    const listed = await (await fetch(`${httpUrl}/bigquery/v2/${path}`)).text();
    expect(listed).toContain(table);
    expect(listed).not.toContain('postlude_staging_');
  });
});
