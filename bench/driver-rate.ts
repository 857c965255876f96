/**
 * Which driver for PostgreSQL? `pg` and `postgres` run the same three statements on the same
 * server, with and without named prepared statements, taking turns. The result is in
 * docs/decisions/0001-postgres-driver.md.
 */
import pg from 'pg';
import postgres from 'postgres';
import { CommandLine } from '../scripts/command-line.ts';
import { SERVER_OPTIONS, startBenchServer } from './conditions/bench-server.ts';
import { readConditions } from './conditions/conditions.ts';

const ROUNDS = 3;
const ROUND_MS = 1500;
const CONNECTIONS = 4;

interface Driver {
  readonly name: string;
  run(text: string, values: string[], name: string): Promise<unknown>;
  close(): Promise<void>;
}

interface Workload {
  readonly name: string;
  readonly text: string;
  readonly values: () => string[];
  /** Runs before each round. */
  readonly reset: string;
}

const SMALL: Workload = {
  name: 'small query',
  text: 'SELECT id, type, payload, process_after FROM bench_tasks WHERE type = $1 AND id = $2',
  values: () => ['export', String(Math.floor(Math.random() * 20_000))],
  reset: 'SELECT 1',
};

let inserted = 0;
const INSERT: Workload = {
  name: 'insert of 500 rows',
  text: `INSERT INTO bench_rows (id, type, payload, process_after)
    SELECT v.id, v.type, v.payload, v.process_after
    FROM unnest($1::text[], $2::text[], $3::bytea[], $4::timestamptz[]) AS v(id, type, payload, process_after)`,
  values: () => {
    const rows = Array.from({ length: 500 }, () => ++inserted);
    return [
      `{${rows.map((id) => `"row-${id}"`).join(',')}}`,
      `{${rows.map(() => '"export"').join(',')}}`,
      `{${rows.map(() => '"\\\\x00112233445566778899aabbccddeeff"').join(',')}}`,
      `{${rows.map(() => '"2026-01-02T03:04:05.123456Z"').join(',')}}`,
    ];
  },
  reset: 'TRUNCATE bench_rows',
};

const CLAIM: Workload = {
  name: 'claim of 20 tasks',
  text: `UPDATE bench_tasks SET attempt = attempt + 1, lease_until = $2::timestamptz
    WHERE ctid = ANY(ARRAY(
      SELECT ctid FROM bench_tasks WHERE type = $1 AND process_after <= $2::timestamptz
      ORDER BY process_after LIMIT 20 FOR UPDATE SKIP LOCKED))
    RETURNING id, type, attempt, payload, process_after`,
  values: () => ['export', '2026-01-03T00:00:00Z'],
  reset: 'VACUUM bench_tasks',
};

const { values: options } = new CommandLine({
  command: 'npm run bench -- driver-rate',
  options: SERVER_OPTIONS,
});
const server = await startBenchServer(options);
try {
  const drivers = [
    pgDriver('pg', false),
    pgDriver('pg, named', true),
    postgresDriver('postgres', false),
    postgresDriver('postgres, named', true),
  ];
  await prepare();
  const rates: Record<string, Record<string, number>> = {};
  for (const workload of [SMALL, INSERT, CLAIM]) {
    rates[workload.name] = await compare(workload, drivers);
  }
  for (const driver of drivers) await driver.close();
  if (!options.json) console.table(rates);
  const conditions = await readConditions(server.url);
  console.log(JSON.stringify({ bench: 'driver-rate', unit: 'statements/s', rates, conditions }));
} finally {
  await server.stop();
}

/** Returns the best of several rounds for each driver, in statements per second. */
async function compare(workload: Workload, drivers: Driver[]): Promise<Record<string, number>> {
  const best: Record<string, number> = {};
  for (let round = 0; round < ROUNDS; round++) {
    for (const driver of drivers) {
      await driver.run(workload.reset, [], '');
      const rate = Math.round(await measure(workload, driver));
      best[driver.name] = Math.max(best[driver.name] ?? 0, rate);
    }
  }
  return best;
}

async function measure(workload: Workload, driver: Driver): Promise<number> {
  const startedAt = performance.now();
  let count = 0;
  const worker = async (): Promise<void> => {
    while (performance.now() - startedAt < ROUND_MS) {
      await driver.run(workload.text, workload.values(), workload.name);
      count += 1;
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
  return count / ((performance.now() - startedAt) / 1000);
}

async function prepare(): Promise<void> {
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  await client.query(`
    CREATE TABLE bench_rows (id text PRIMARY KEY, type text NOT NULL, payload bytea, process_after timestamptz);
    CREATE TABLE bench_tasks (type text, id text, payload bytea, process_after timestamptz NOT NULL,
      attempt bigint NOT NULL DEFAULT 0, lease_until timestamptz, PRIMARY KEY (type, id)) WITH (fillfactor = 50);
    CREATE INDEX ON bench_tasks (type, process_after);
    INSERT INTO bench_tasks SELECT 'export', i::text, 'x', '2026-01-02'::timestamptz + i * interval '1 ms'
      FROM generate_series(0, 19999) i;
    ANALYZE;
  `);
  await client.end();
}

function pgDriver(name: string, isNamed: boolean): Driver {
  const pool = new pg.Pool({ connectionString: server.url, max: CONNECTIONS });
  const types = { getTypeParser: () => (text: string) => text };
  return {
    name,
    run: (text, values, statement) =>
      pool.query({
        text,
        values,
        rowMode: 'array',
        types: types as never,
        ...(isNamed && statement !== '' ? { name: statement } : {}),
      }),
    close: () => pool.end(),
  };
}

function postgresDriver(name: string, isNamed: boolean): Driver {
  const sql = postgres(server.url, { max: CONNECTIONS });
  return {
    name,
    run: (text, values) =>
      values.length === 0
        ? sql.unsafe(text)
        : sql.unsafe(text, values, { prepare: isNamed }).values(),
    close: () => sql.end(),
  };
}
