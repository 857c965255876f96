/**
 * Does a database stop growing under a steady load? Each simulated day, runs with results are recorded and
 * finalized, what has expired is deleted, and PostgreSQL vacuums, as autovacuum does within a day. The sizes
 * are those of all tables with their indexes. It also shows the plans by which a pass finds what has expired
 * among many invocations that have not.
 *
 *     npm run bench -- retention [--days 30] [--runs 40] [--results 250] [--plan-rows 1000000] [--unsafe-fast] [--json]
 */
import { type Clock, systemClock } from '@postlude/queue/foundations';
import { openPostgres } from '@postlude/queue/postgres';
import { type Database, int, raw, type Sql, sql } from '@postlude/queue/storage';
import pg from 'pg';
import { compile } from '../packages/queue/src/storage/sql.ts';
import { CommandLine } from '../scripts/command-line.ts';
import { toRowId } from '../src/invocations/id.ts';
import { includeInvocations } from '../src/invocations/inclusions.ts';
import { insertInvocations } from '../src/invocations/invocations.ts';
import { STATE_NUMBERS } from '../src/invocations/state.ts';
import { invocations } from '../src/invocations/table.ts';
import { POSTLUDE_MIGRATIONS } from '../src/migrations/migrations.ts';
import { recordTestResults } from '../src/results/test-results.ts';
import { type Deleted, sumDeleted } from '../src/retention/deleted.ts';
import { expiredPages } from '../src/retention/expired.ts';
import { purgeExpired } from '../src/retention/purger.ts';
import {
  invocationId,
  newInvocation,
  newTestResult,
} from '../test/support/invocations/fixtures.ts';
import { SERVER_OPTIONS, startBenchServer } from './conditions/bench-server.ts';
import { readConditions } from './conditions/conditions.ts';

const line = new CommandLine({
  command: 'npm run bench -- retention',
  options: {
    days: { type: 'string', default: '30' },
    runs: { type: 'string', default: '40' },
    results: { type: 'string', default: '250' },
    'plan-rows': { type: 'string', default: '1000000' },
    ...SERVER_OPTIONS,
  },
});
const { values } = line;
const DAYS = line.count('days');
const RUNS = line.count('runs');
const RESULTS = line.count('results');
const PLAN_ROWS = line.count('plan-rows');
const SCHEMA = 'bench';
const DAY_MS = 86_400_000;
const KEPT = { results: 7, invocation: 14 };
const UNEXPECTED_EVERY = 50;

/** Its days pass when the bench says so; what takes time takes the machine's time. */
let now = systemClock.now();
const clock: Clock = { ...systemClock, now: () => now };

const note = (message: string): void => {
  if (!values.json) console.error(message);
};

const postgres = await startBenchServer(values);
try {
  const db = await openPostgres({
    url: postgres.url,
    schema: SCHEMA,
    statementTimeoutMs: 0,
    migrations: [POSTLUDE_MIGRATIONS],
  });
  await db.migrate();
  const measured = await simulate(db);
  const plans = await readPlans(db);
  await db.close();
  const conditions = await readConditions(postgres.url);
  console.log(JSON.stringify({ bench: 'retention', ...measured, plans, conditions }));
} finally {
  await postgres.stop();
}

async function simulate(db: Database) {
  const sizes: number[] = [];
  let deleted: Deleted = {};
  let purgeMs = 0;
  for (let day = 1; day <= DAYS; day++) {
    for (let run = 0; run < RUNS; run++) await recordRun(db, `day-${day}-run-${run}`);
    now += DAY_MS;
    const startedAt = performance.now();
    const purged = await purgeExpired({ db, clock, deadTaskMs: DAY_MS }, { rest: 0 });
    purgeMs += performance.now() - startedAt;
    deleted = sumDeleted(deleted, purged);
    await vacuum(db);
    const mb = await sizeMb(db);
    sizes.push(mb);
    note(`day ${day}: ${mb} MB, deleted ${JSON.stringify(purged)}`);
  }
  const rows = Object.values(deleted).reduce((sum, count) => sum + count, 0);
  const [atFull = 0, last = 0] = [sizes[KEPT.invocation], sizes.at(-1)];
  return {
    ratios: { last_day_to_first_full_day: round(last / atFull) },
    days: DAYS,
    kept_days: KEPT,
    results_a_day: RUNS * RESULTS,
    mb_by_day: sizes,
    deleted,
    deleted_rows_per_second: Math.round((rows / purgeMs) * 1000),
  };
}

/** A run and the shard that it includes, both FINALIZED. */
async function recordRun(db: Database, name: string): Promise<void> {
  const [run, shard] = [invocationId(name), invocationId(`${name}-shard`)];
  const given = {
    createTime: now,
    deadline: now + DAY_MS,
    expirationTime: now + KEPT.invocation * DAY_MS,
    expectedResultsExpirationTime: now + KEPT.results * DAY_MS,
  };
  const created = [run, shard].map((id) => newInvocation(id, given));
  await db.write((tx) => insertInvocations(tx, created));
  await db.write(async (tx) => {
    await includeInvocations(tx, run, [shard]);
    const results = Array.from({ length: RESULTS }, (_, number) =>
      newTestResult(`package/suite/test number ${number}`, {
        expected: number % UNEXPECTED_EVERY !== 0,
        variant: { os: 'linux', browser: 'chromium' },
        summaryHtml: '<p>What the test has to say of itself</p>',
      }),
    );
    await recordTestResults(tx, shard, results);
  });
  for (const state of [STATE_NUMBERS.FINALIZING, STATE_NUMBERS.FINALIZED]) {
    const rows = [run, shard].map((id) => ({ invocationId: toRowId(id), state }));
    await db.write((tx) => tx.update(invocations, rows));
  }
}

async function vacuum(db: Database): Promise<void> {
  const tables = ['invocations', 'included_invocations', 'test_results'];
  for (const table of tables) await db.statement(raw(`VACUUM ANALYZE ${SCHEMA}.${table}`), {});
}

async function sizeMb(db: Database): Promise<number> {
  const query = sql`SELECT sum(pg_total_relation_size(oid))::bigint AS bytes FROM pg_class
    WHERE relnamespace = ${SCHEMA}::regnamespace AND relkind = 'r'`;
  const [row] = await db.read((reader) => reader.query(query, { bytes: int }));
  return round((row?.bytes ?? 0) / 1e6);
}

/** Fills the table with invocations of which one in a thousand has expired, and explains the searches. */
async function readPlans(db: Database): Promise<Readonly<Record<string, readonly string[]>>> {
  await db.statement(
    raw(`INSERT INTO ${SCHEMA}.invocations (invocation_id, state, realm, create_time, deadline,
      expiration_time, expected_results_expiration_time, tags, bigquery_exports)
      SELECT substr(md5(n::text), 1, 8) || ':i' || n, 3, 'project:realm', now(), now(),
        now() + make_interval(mins => n - ${PLAN_ROWS / 1000}),
        now() + make_interval(mins => n - ${PLAN_ROWS / 1000}), '{}', '{}'
      FROM generate_series(1, ${PLAN_ROWS}) AS n`),
    {},
  );
  await vacuum(db);
  const plans: Record<string, readonly string[]> = {};
  for (const expiry of ['invocation', 'expected-results'] as const) {
    const listing = { expiry, shard: undefined, now: systemClock.now(), limit: 200 };
    plans[expiry] = await planOf(db, async (asked) => {
      for await (const _ of expiredPages(asked, listing)) break;
    });
    note(`${expiry}:\n  ${plans[expiry].join('\n  ')}`);
  }
  return plans;
}

/** Returns the plan of the query that `search` makes first. */
async function planOf(
  db: Database,
  search: (db: Pick<Database, 'read'>) => Promise<void>,
): Promise<readonly string[]> {
  let query: Sql | undefined;
  await search({
    read: (fn) =>
      db.read((reader) =>
        fn({
          ...reader,
          dialect: reader.dialect,
          query: (asked, columns) => {
            query ??= asked;
            return reader.query(asked, columns);
          },
        }),
      ),
  });
  const { params, text } = compile(query ?? raw(''), {
    placeholder: (position) => `$${position}`,
    tableName: (name) => `${SCHEMA}.${name}`,
  });
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  try {
    const { rows } = await client.query({
      text: `EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) ${text}`,
      values: params.map(({ kind, value }) =>
        kind === 'timestamp' ? new Date(Number(value)) : value,
      ),
    });
    return rows.map((row) => String(row['QUERY PLAN']));
  } finally {
    await client.end();
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
