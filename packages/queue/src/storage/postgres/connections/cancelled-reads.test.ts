import { describe, expect, test } from 'vitest';
import {
  openTestPostgres,
  testPostgresUrl,
  testSchema,
} from '../../../../../../test/support/databases/databases.ts';
import { int } from '../../column.ts';
import type { Database } from '../../database.ts';
import { sql } from '../../sql.ts';

const gone = new Error('the caller has gone');

/** How many backends run the statement with this mark. */
async function runningWith(db: Database, mark: string): Promise<number> {
  const query = sql`SELECT count(*) AS running FROM pg_stat_activity
    WHERE state = 'active' AND pid <> pg_backend_pid() AND query LIKE ${`%${mark}%`}`;
  const [row] = await db.read((tx) => tx.query(query, { running: int }));
  return row?.running ?? 0;
}

async function untilRunning(db: Database, mark: string, count: number): Promise<void> {
  while ((await runningWith(db, mark)) !== count);
}

describe.skipIf(testPostgresUrl() === '')('on a server', () => {
  test('a caller that goes away ends the statement that runs for it, and its connection', async () => {
    const schema = testSchema();
    const db = await openTestPostgres({ schema, statementTimeoutMs: 3_600_000 });
    const observer = await openTestPostgres({ schema });
    const mark = `mark_${schema}`;
    const caller = new AbortController();
    const query = sql`SELECT count(pg_sleep(0.01)) AS ${{ parts: [{ type: 'text', text: mark }] }}
      FROM generate_series(1, 360000)`;
    const read = db.read((tx) => tx.query(query, {}), { signal: caller.signal });
    const outcome = expect(read).rejects.toBe(gone);
    await untilRunning(observer, mark, 1);
    caller.abort(gone);
    await outcome;
    await untilRunning(observer, mark, 0);
    expect(await db.read((tx) => tx.query(sql`SELECT 7 AS n`, { n: int }))).toEqual([{ n: 7 }]);
  });
});
