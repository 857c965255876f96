import { describe, expect, test } from 'vitest';
import { includeInvocations } from '../invocations/inclusions.ts';
import { insertInvocations } from '../invocations/invocations.ts';
import { openSecret, UPDATE_TOKEN_SECRET } from '../recorder/secrets.ts';
import { recordExonerations } from '../results/exonerations.ts';
import { recordTestResults } from '../results/test-results.ts';
import type { Database } from '../storage/database.ts';
import { bytesPayload } from '../tasks/payload.ts';
import { TaskQueue } from '../tasks/queue.ts';
import { deadTasks, tasks } from '../tasks/table.ts';
import { taskType } from '../tasks/task.ts';
import {
  openTestPglite,
  openTestPostgres,
  openTestSpanner,
  testPostgresUrl,
  testSchema,
  testSpannerHost,
  withTestClient,
} from '../testing/databases.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { invocationId, newExoneration, newInvocation, newTestResult } from '../testing/fixtures.ts';
import { newReminder } from '../tq/reminder.ts';
import { reminders } from '../tq/table.ts';
import { COPIED_TABLES, copyDatabase } from './copy-database.ts';

const { signal } = new AbortController();
const IDS = Array.from({ length: 7 }, (_, index) => invocationId(`i${index}`));
const BYTES = taskType('bytes', bytesPayload);

/** Something in every table. */
async function fill(db: Database): Promise<void> {
  const clock = new FakeClock(Date.UTC(2026, 1, 3) + 4.567);
  const queue = new TaskQueue({ db, clock });
  await openSecret(db, UPDATE_TOKEN_SECRET, clock);
  await db.write(async (tx) => {
    const bigqueryExports = [new Uint8Array([1, 2]), new Uint8Array()];
    await insertInvocations(
      tx,
      IDS.map((id) => newInvocation(id, { bigqueryExports, tags: [{ key: 'k', value: 'ü' }] })),
    );
  });
  await db.write(async (tx) => {
    await includeInvocations(tx, IDS[0] ?? invocationId(''), IDS.slice(1));
    for (const id of IDS) {
      await recordTestResults(tx, id, [
        newTestResult('a'),
        newTestResult('b', { expected: false }),
      ]);
      await recordExonerations(tx, id, [newExoneration('b')]);
    }
    await tx.insert(reminders, [
      newReminder('0'.repeat(32), REQUEST, clock.now()),
      newReminder('f'.repeat(32), REQUEST, clock.now()),
    ]);
  });
  await queue.enqueue(
    ['a', 'b', 'c'].map((id) => ({ type: BYTES, id, payload: new Uint8Array([7]) })),
  );
  const [leased] = await queue.leaseDue('bytes', 1, 60_000);
  if (leased) await queue.bury(leased, 'no');
  await queue.leaseDue('bytes', 1, 60_000);
}

const REQUEST = {
  kind: 'topic',
  classId: 'c',
  topic: 'projects/p/topics/t',
  data: new Uint8Array([255]),
  attributes: {},
} as const;

const targets: readonly (readonly [string, boolean, () => Promise<Database>])[] = [
  ['PGlite', true, openTestPglite],
  ['PostgreSQL', testPostgresUrl() !== '', openTestPostgres],
  ['Cloud Spanner', testSpannerHost() !== '', openTestSpanner],
];

describe.each(targets.filter(([, isThere]) => isThere))('to %s', (_name, _isThere, openTarget) => {
  test('everything is copied, page by page, and found to be the same', async () => {
    const [from, to] = [await openTestPglite(), await openTarget()];
    await fill(from);
    const copied = await copyDatabase({ from, to, signal, pageRows: 2 });
    const rows = Object.fromEntries(copied.map(({ table, from: { rows } }) => [table, rows]));
    expect(rows).toEqual({
      ...{ secrets: 1, invocations: 7, included_invocations: 6 },
      ...{ test_results: 14, test_exonerations: 7 },
      ...{ tasks: 2, dead_tasks: 1, tq_reminders: 2, tq_dead_reminders: 0 },
    });
    expect(copied.filter(({ isSame }) => !isSame)).toEqual([]);
  });

  test('a copy that was cut goes on where it ended', async () => {
    const [from, to] = [await openTestPglite(), await openTarget()];
    await fill(from);
    const cut = new AbortController();
    const first = copyDatabase({
      ...{ from, to, pageRows: 2, signal: cut.signal },
      onProgress: ({ table, rows }) => {
        if (table === 'test_results' && rows === 4) cut.abort(new Error('cut'));
      },
    });
    await expect(first).rejects.toThrow('cut');
    const again = await copyDatabase({ from, to, signal, pageRows: 2 });
    const copied = Object.fromEntries(again.map(({ table, copied }) => [table, copied]));
    expect(copied).toMatchObject({ invocations: 0, test_results: 10, test_exonerations: 7 });
    expect(again.every(({ isSame }) => isSame)).toBe(true);
  });

  test('what differs in the end is named', async () => {
    const [from, to] = [await openTestPglite(), await openTarget()];
    await fill(from);
    await copyDatabase({ from, to, signal });
    await to.write(async (tx) => {
      await tx.update(tasks, [{ type: 'bytes', id: 'c', attempt: 99 }]);
      await tx.delete(deadTasks, [{ type: 'bytes', id: 'a' }]);
    });
    const tables = await copyDatabase({ from, to, signal });
    // A row that is missing behind the last one there is copied again; one that differs is not.
    expect(tables.filter(({ isSame }) => !isSame).map(({ table }) => table)).toEqual(['tasks']);
  });
});

test.runIf(testPostgresUrl() !== '')('no table is forgotten', async () => {
  const schema = testSchema();
  await openTestPostgres({ schema });
  const { rows } = await withTestClient((client) =>
    client.query('SELECT table_name FROM information_schema.tables WHERE table_schema = $1', [
      schema,
    ]),
  );
  const names = (rows as { table_name: string }[]).map((row) => row.table_name);
  const copied = COPIED_TABLES.map((table) => table.name);
  const left = names.filter((name) => !copied.includes(name)).sort();
  expect(left).toEqual(['schema_migrations', 'tq_sweep_leases']);
});
