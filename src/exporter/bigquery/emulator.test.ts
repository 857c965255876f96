/** The statements of docs/bigquery.md, on rows that a real SQL engine has taken. */
import { afterAll, describe, expect, inject, test } from 'vitest';
import { openTestPglite } from '../../../test/support/databases/databases.ts';
import { exportOnce, numbered } from '../../../test/support/exports/bigquery-exports.ts';
import { TABLE } from '../../../test/support/exports/bigquery-world.ts';
import { writeGraph } from '../../../test/support/exports/export-graph.ts';
import { ImpatientClock } from '../../../test/support/exports/impatient-clock.ts';
import {
  type BigQueryEmulator,
  startBigQueryEmulator,
} from '../../../test/support/network/bigquery-emulator.ts';
import { BigQuerySink } from './bigquery-sink.ts';
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

describe.runIf(inject('hasBigQueryEmulator'))('on the emulator', () => {
  test.each(['storage-write', 'insert-all'] as const)('rows of %s are queried', async (api) => {
    emulator ??= startBigQueryEmulator(TABLE.project, TABLE.dataset);
    const { httpUrl, grpcHost } = await emulator;
    const db = await openTestPglite();
    await writeGraph(db, numbered(25));
    const sink = new BigQuerySink({
      api,
      db,
      tables: await openTableClient({ endpoint: httpUrl }),
      streams: await openStreamClient({ endpoint: grpcHost }),
      clock: new ImpatientClock(),
      random: () => 0.5,
    });
    const table = `results_${api.replace('-', '_')}`;
    await exportOnce({ db, sink, table });
    await exportOnce({ db, sink, table, index: 1 });
    await sink.close();
    const rows = `${TABLE.dataset}.${table}`;
    const days = "partition_time >= TIMESTAMP '2026-01-01'";
    const counted = await query(`SELECT COUNT(*), MIN(exported.id) FROM ${rows} WHERE ${days}`);
    expect(counted).toEqual([['50', 'a']]);
    const once = `SELECT * FROM ${rows} WHERE TRUE QUALIFY ROW_NUMBER() OVER (
      PARTITION BY partition_time, exported.id, parent.id, test_id, result_id) = 1`;
    expect(await query(`SELECT COUNT(*) FROM (${once})`)).toEqual([['25']]);
  });
});
