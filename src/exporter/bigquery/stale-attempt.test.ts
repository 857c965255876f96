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
import { isReceipt, type Sink } from '../sink.ts';

const ROWS = 24;

/** Runs `meanwhile` within the attempt, before its call number `at` of append or commit. */
function interrupted(sink: Sink, at: number, meanwhile: () => Promise<void>): Sink {
  let calls = 0;
  const count = async () => {
    if (++calls === at) await meanwhile();
  };
  return {
    find: (exported) => sink.find(exported),
    begin: async (exported, signal) => {
      const session = await sink.begin(exported, signal);
      if (isReceipt(session)) return session;
      return {
        landed: session.landed,
        append: async (batch) => {
          await count();
          await session.append(batch);
        },
        commit: async (...args) => {
          await count();
          return await session.commit(...args);
        },
        abort: () => session.abort(),
      };
    },
  };
}

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
