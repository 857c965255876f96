/** An attempt that lives on without its lease, beside a later one. */
import { expect, test } from 'vitest';
import { openTestPglite } from '../../../test/support/databases/databases.ts';
import {
  exportOnce,
  landedRows,
  numbered,
  numberedRows,
} from '../../../test/support/exports/bigquery-exports.ts';
import { openBigQuery } from '../../../test/support/exports/bigquery-world.ts';
import { writeGraph } from '../../../test/support/exports/export-graph.ts';
import { interrupted } from '../../../test/support/exports/interrupted-sink.ts';

const ROWS = 24;

test.each([1, 2, 4, 6, 8, 9])(
  'each row lands once if a later attempt runs before step %i of an earlier one',
  async (at) => {
    const db = await openTestPglite();
    await writeGraph(db, numbered(ROWS));
    const { bigQuery, openSink } = await openBigQuery();
    const later = await openSink(db);
    const stale = interrupted(await openSink(db), at, async () => {
      await exportOnce({ db, sink: later, attempt: 2 });
    });
    await expect(exportOnce({ db, sink: stale })).rejects.toThrow();
    expect(landedRows(bigQuery)).toEqual(numberedRows(ROWS));
  },
);

test('exports of one process to one table run beside one another', async () => {
  const db = await openTestPglite();
  const ids = Array.from({ length: 12 }, (_, index) => `i${index}`);
  await writeGraph(db, Object.assign({}, ...ids.map((id) => numbered(10, id))));
  const { bigQuery, openSink } = await openBigQuery();
  const sink = await openSink(db);
  for (const half of [ids.slice(0, 6), ids.slice(6)]) {
    await Promise.all(half.map((id) => exportOnce({ db, sink, id })));
  }
  expect(landedRows(bigQuery)).toEqual(ids.flatMap((id) => numberedRows(10, id)).sort());
  expect(bigQuery.streams.length).toBeLessThanOrEqual(6);
});
