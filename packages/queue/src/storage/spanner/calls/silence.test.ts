/** A Spanner that says nothing any more: calls arrive nowhere, and are answered never. */
import { describe, expect, test } from 'vitest';
import {
  openTestSpanner,
  testSchema,
  testSpannerHost,
} from '../../../../../../test/support/databases/databases.ts';
import {
  onEach,
  openFaultWorld,
} from '../../../../../../test/support/spanner/spanner-fault-world.ts';
import { openProxiedSpanner } from '../../../../../../test/support/spanner/spanner-proxy.ts';
import { accounts, allAccounts } from '../../../../../../test/support/suites/suite-tables.ts';
import { systemClock } from '../../../foundations/clock.ts';
import { TaskQueue } from '../../../tasks/queue.ts';
import { int } from '../../column.ts';
import { sql } from '../../sql.ts';

const SILENCE = { moment: 'before', ending: 'silence' } as const;
const ONE = sql`SELECT 1 AS n`;
const SOON = { limitMs: 100 };
const ada = { owner: 'ada', number: 1, balance: 100 };

describe.skipIf(testSpannerHost() === '')('a Spanner that falls silent', () => {
  test('ends a read at its limit, and is called once', async () => {
    const { database, calls } = await openFaultWorld(onEach('ExecuteStreamingSql', SILENCE));
    const read = database.read((tx) => tx.query(ONE, { n: int }), SOON);
    await expect(read).rejects.toMatchObject({ code: 'unavailable' });
    expect(calls.get('ExecuteStreamingSql')).toBe(1);
  });

  test('ends a write at its limit, and is called once', async () => {
    const { database, calls } = await openFaultWorld(onEach('ExecuteStreamingSql', SILENCE));
    const written = database.write(async (tx) => void (await tx.query(ONE, { n: int })), SOON);
    await expect(written).rejects.toMatchObject({ code: 'unavailable' });
    expect(calls.get('ExecuteStreamingSql')).toBe(1);
  });

  test('leaves the outcome of a commit unknown at the limit', async () => {
    const { database, direct } = await openFaultWorld(onEach('Commit', SILENCE));
    const written = database.write((tx) => tx.insert(accounts, [ada]), { limitMs: 1_000 });
    await expect(written).rejects.toMatchObject({ code: 'outcome-unknown' });
    expect(await allAccounts(direct)).toEqual([]);
  });

  test('ends reads that look for tasks', async () => {
    const schema = testSchema();
    await openTestSpanner({ schema });
    const { database } = await openProxiedSpanner(schema, onEach('ExecuteStreamingSql', SILENCE));
    const queue = new TaskQueue({ db: database, clock: systemClock });
    const looked = queue.leaseDue('silent', 1, 60_000);
    await expect(looked).rejects.toMatchObject({ code: 'unavailable' });
  });
});
