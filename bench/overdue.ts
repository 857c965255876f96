/**
 * What happens when very many invocations are overdue at once? Two servers, each a process, enforce
 * deadlines side by side on one PostgreSQL while requests arrive. How long does it take until all
 * invocations are ended and FINALIZED? Was each ended once? How much memory did that take, and how much
 * slower were the requests meanwhile than before and after? It runs on Linux only, as peaks are read from
 * /proc.
 *
 *     npm run bench -- overdue [--invocations 100000] [--quiet-seconds 30] [--unsafe-fast] [--json]
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { chunk, systemClock } from '@postlude/queue/foundations';
import { openPostgres } from '@postlude/queue/postgres';
import { type Database, int, raw, sql } from '@postlude/queue/storage';
import { CommandLine } from '../scripts/command-line.ts';
import { insertInvocations } from '../src/invocations/invocations.ts';
import { POSTLUDE_MIGRATIONS } from '../src/migrations/migrations.ts';
import { newInvocation } from '../test/support/invocations/fixtures.ts';
import { SERVER_OPTIONS, startBenchServer } from './conditions/bench-server.ts';
import { readConditions } from './conditions/conditions.ts';
import { latencies, RequestLoad } from './overdue/request-load.ts';

const line = new CommandLine({
  command: 'npm run bench -- overdue',
  options: {
    invocations: { type: 'string', default: '100000' },
    'quiet-seconds': { type: 'string', default: '30' },
    ...SERVER_OPTIONS,
  },
});
const { values } = line;
const INVOCATIONS = line.count('invocations');
const QUIET_MS = line.count('quiet-seconds') * 1000;
const SCHEMA = 'bench';
const POLL_MS = 500;
const DAY_MS = 86_400_000;
/** Row ids begin with a hash. */
const OVERDUE = raw(`invocation_id LIKE '%:overdue-%'`);

const main = join(import.meta.dirname, '..', 'src', 'cli', 'main.ts');
const folder = mkdtempSync(join(tmpdir(), 'postlude-bench-'));
const note = (text: string): void => {
  if (!values.json) console.error(text);
};

interface Serving {
  readonly process: ChildProcess;
  readonly url: string;
}

const postgres = await startBenchServer(values);
const servers: Serving[] = [];
try {
  const db = await openPostgres({
    url: postgres.url,
    schema: SCHEMA,
    migrations: [POSTLUDE_MIGRATIONS],
  });
  await db.migrate();
  await fill(db);
  for (let count = 0; count < 2; count++) servers.push(await serve(postgres.url));
  const measured = await measure(db);
  await db.close();
  const conditions = await readConditions(postgres.url);
  console.log(JSON.stringify({ bench: 'overdue', ...measured, conditions }));
} finally {
  for (const server of servers) await stop(server.process);
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function measure(db: Database) {
  const load = new RequestLoad(servers.map(({ url }) => url));
  await load.during(systemClock.sleep(QUIET_MS / 3)); // until code is compiled and connections are open
  const before = await load.during(systemClock.sleep(QUIET_MS));
  note(`requests, before: ${JSON.stringify(latencies(before))}`);
  const idleMb = servers.map((server) => memoryMb(server, 'VmRSS'));
  for (const server of servers) resetPeak(server);
  await makeOverdue(db);
  const startedAt = performance.now();
  const beside = latencies(await load.during(until(db, 'state <> 3')));
  const seconds = round((performance.now() - startedAt) / 1000);
  note(`all ended and FINALIZED after ${seconds} s; beside it: ${JSON.stringify(beside)}`);
  const after = await load.during(systemClock.sleep(QUIET_MS));
  await requireEachOnce(db);
  // The other load of the machine changes, so the requests run alone both before and after.
  const alone = latencies([...before, ...after]);
  return {
    ratios: {
      median_beside: round(beside.medianMs / alone.medianMs),
      p95_beside: round(beside.p95Ms / alone.p95Ms),
    },
    invocations: INVOCATIONS,
    seconds,
    per_second: Math.round(INVOCATIONS / seconds),
    ended_by: await endedBy(),
    growth_mb: servers.map((server, at) => memoryMb(server, 'VmHWM') - (idleMb[at] ?? 0)),
    idle_mb: idleMb,
    requests_ms: { alone, beside, before: latencies(before), after: latencies(after) },
  };
}

/** Makes invocations that may stay open for another day. */
async function fill(db: Database): Promise<void> {
  const now = systemClock.now();
  const given = { createTime: now, deadline: now + DAY_MS, expirationTime: now + 30 * DAY_MS };
  const ids = Array.from({ length: INVOCATIONS }, (_, number) => `overdue-${number}`);
  for (const batch of chunk(ids, 2000)) {
    await db.write((tx) =>
      insertInvocations(
        tx,
        batch.map((id) => newInvocation(id, given)),
      ),
    );
  }
  await db.statement(raw(`VACUUM ANALYZE ${SCHEMA}.invocations`), {});
}

/** Makes all of them overdue at once, with one statement. */
async function makeOverdue(db: Database): Promise<void> {
  await db.statement(
    sql`UPDATE ${raw(`${SCHEMA}.invocations`)} SET deadline = now() WHERE ${OVERDUE}`,
    {},
  );
}

async function until(db: Database, condition: string): Promise<void> {
  while ((await count(db, condition)) > 0) await systemClock.sleep(POLL_MS);
}

async function count(db: Database, condition: string): Promise<number> {
  const [row] = await db.read((reader) =>
    reader.query(
      sql`SELECT count(*) AS rows FROM ${raw(`${SCHEMA}.invocations`)}
          WHERE ${OVERDUE} AND ${raw(condition)}`,
      { rows: int },
    ),
  );
  return row?.rows ?? 0;
}

async function requireEachOnce(db: Database): Promise<void> {
  const byDeadline = await count(db, 'state = 3 AND ended_by = 2');
  const [told] = await db.read((reader) =>
    reader.query(
      sql`SELECT count(*) AS rows FROM ${raw(`${SCHEMA}.test_results`)}
          WHERE ${OVERDUE} AND result_id = 'deadline'`,
      { rows: int },
    ),
  );
  const byServers = (await endedBy()).reduce((sum, ended) => sum + ended, 0);
  const all = { byDeadline, told: told?.rows, byServers };
  if (Object.values(all).some((ended) => ended !== INVOCATIONS)) {
    throw new Error(`not each of ${INVOCATIONS} was ended once: ${JSON.stringify(all)}`);
  }
}

/** Reads the metrics of each server. */
async function endedBy(): Promise<number[]> {
  return await Promise.all(
    servers.map(async ({ url }) => {
      const text = await (await fetch(new URL('/metrics', url))).text();
      const ended = /^postlude_invocation_ended_total\{[^}]*cause="DEADLINE"[^}]*\} (\d+)/m;
      return Number(ended.exec(text)?.[1] ?? 0);
    }),
  );
}

async function serve(database: string): Promise<Serving> {
  const settings = ['--database', database, '--schema', SCHEMA, '--export-dir', folder];
  const argv = ['serve', '--listen', '127.0.0.1:0', ...settings, '--log-level', 'warn'];
  const child = spawn(process.execPath, [main, ...argv], { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const text of createInterface({ input: child.stdout })) {
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(text)?.[0];
    if (url !== undefined) return { process: child, url };
  }
  throw new Error('the server did not start');
}

async function stop(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM');
  if (child.exitCode === null) await once(child, 'exit');
}

function memoryMb({ process: { pid } }: Serving, field: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kilobytes = new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1];
  return Math.round(Number(kilobytes) / 1000);
}

/** Makes Linux count the peak from here on. */
function resetPeak({ process: { pid } }: Serving): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
