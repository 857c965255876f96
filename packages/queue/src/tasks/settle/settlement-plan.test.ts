import { PGlite } from '@electric-sql/pglite';
import { expect, onTestFinished, test } from 'vitest';
import type { Database } from '../../storage/database.ts';
import { fromPglite } from '../../storage/pglite/database.ts';
import { toStatement } from '../../storage/postgres/session.ts';
import type { Sql } from '../../storage/sql.ts';
import { databaseTime } from '../../storage/time.ts';
import { FakeClock } from '../../testing/fake-clock.ts';
import { LockingSettlement } from './locking-settlement.ts';

/** Most are leased, so that the whole table is read. */
const TASKS = 5_000;
const LEASES = 3_000;
const TYPE = 't';
const SCHEMA = 'postlude';

/** Explains the statements of a settlement instead of running them. */
function openExplainer(instance: PGlite) {
  const plans: string[] = [];
  const statement = async (query: Sql): Promise<[]> => {
    const { text, values } = toStatement(query, SCHEMA);
    const { rows } = await instance.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${text}`, [...values]);
    plans.push(rows.map((row) => row['QUERY PLAN']).join('\n'));
    return [];
  };
  return { db: { statement } as unknown as Database, plans };
}

test('plans count on many leased tasks, also if nothing was leased when the table was analysed', async () => {
  const instance = new PGlite();
  onTestFinished(() => instance.close());
  const db = fromPglite(instance, { schema: SCHEMA });
  await db.migrate();
  const clock = new FakeClock();
  await instance.exec(`
    INSERT INTO ${SCHEMA}.tasks (type, id, create_time, process_after, attempt, fence)
      SELECT '${TYPE}', number, now(), now(), 0, 0 FROM generate_series(1, ${TASKS}) AS number;
    ANALYZE ${SCHEMA}.tasks`);
  const leases = Array.from({ length: LEASES }, (_, index) => ({
    type: TYPE,
    id: `${index}`,
    fence: 1,
  }));
  const explainer = openExplainer(instance);
  const settlement = new LockingSettlement(explainer.db, databaseTime(db.dialect, clock));
  await settlement.complete(leases);
  await settlement.extend(leases, 60_000);
  await settlement.retry(leases.map((lease) => ({ ...lease, delayMs: 1, error: 'e' })));
  const rows = explainer.plans.map((plan) =>
    Number(/Scan on tasks task .* rows=(\d+)/.exec(plan)?.[1]),
  );
  expect(rows).toHaveLength(3);
  expect(Math.min(...rows)).toBeGreaterThan(TASKS / 10);
});
