/**
 * What tasks cost the server, by its own counters: bytes of its log, commits, and row versions that died, as
 * each update and delete leaves one.
 */
import { systemClock } from '@postlude/queue/foundations';
import pg from 'pg';

const COSTS = ['wal_bytes', 'commits', 'dead_tuples'] as const;
export type Costs = Readonly<Record<(typeof COSTS)[number], number>>;

const COUNTERS = `
  SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::float8 AS wal_bytes,
    (SELECT xact_commit::float8 FROM pg_stat_database WHERE datname = current_database()) AS commits,
    (SELECT sum(n_tup_upd + n_tup_del)::float8 FROM pg_stat_user_tables) AS dead_tuples`;

const OTHERS = `SELECT count(*)::int AS connections FROM pg_stat_activity
  WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`;

/**
 * Returns the costs of `work` for each of `count` tasks. It waits until all other connections to the server
 * have ended, before and after, since a connection publishes its counters when it ends.
 */
export async function costsOf(
  url: string,
  count: number,
  work: () => Promise<unknown>,
): Promise<Costs> {
  const before = await readCounters(url);
  await work();
  const after = await readCounters(url);
  const each = COSTS.map((name) => [name, round((after[name] - before[name]) / count)]);
  return Object.fromEntries(each) as Costs;
}

async function readCounters(url: string): Promise<Costs> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    while ((await client.query(OTHERS)).rows[0].connections > 0) await systemClock.sleep(5);
    return (await client.query<Costs>(COUNTERS)).rows[0] as Costs;
  } finally {
    await client.end();
  }
}

function round(cost: number): number {
  return Math.round(cost * 1000) / 1000;
}
