/**
 * A fault run of silence: a server and a worker, processes of their own, reach a real PostgreSQL server
 * through a proxy that drops for a while all that is sent, and closes nothing. Tasks and requests come
 * in all the while. Afterwards tasks must run again soon, `/readyz` must have told the truth, each
 * request must have been answered, and nothing may be lost or done twice. Then servers are told to end
 * while the database is silent, and while a request waits for a lock.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { TaskQueue } from '@postlude/queue';
import { monotonicMs, systemClock } from '@postlude/queue/foundations';
import pg from 'pg';
import type { PostgresServer } from '../../support/databases/postgres-server.ts';
import { startTcpProxy, type TcpProxy } from '../../support/network/tcp-proxy.ts';
import { CREATE_EFFECTS, openFaultDatabase } from '../tasks/task-effects.ts';
import { type Load, openInvocation, type Recorded, startLoad } from './silence-load.ts';
import { judge, type Silence, type SilenceReport } from './silence-report.ts';

export interface SilencePlan {
  readonly server: PostgresServer;
  readonly schema: string;
  readonly seconds: number;
  readonly note: (text: string) => void;
}

interface Place extends SilencePlan {
  /** Statements that the silence swallows are ended within this time. */
  readonly statementTimeoutS: number;
  readonly proxy: TcpProxy;
  /** The database through the proxy. */
  readonly url: string;
  /** The database without the proxy. */
  readonly client: pg.Client;
}

const GRACE_S = 3;
const DEFAULT_STATEMENT_TIMEOUT_S = 30;
const ASK_EVERY_MS = 50;
/** Events that have not happened by then count as missing in the report. */
const PATIENCE_MS = 120_000;
const WARM_MS = 3_000;
const WORKER = join(import.meta.dirname, '../tasks/task-worker.ts');
const SERVER = join(import.meta.dirname, '../../flows/serve-process.ts');

export async function runSilenceFaults(plan: SilencePlan): Promise<SilenceReport> {
  const proxy = await startTcpProxy(plan.server.port);
  const url = new URL(plan.server.url);
  url.hostname = '127.0.0.1';
  url.port = String(proxy.port);
  const client = new pg.Client({ connectionString: plan.server.url });
  await client.connect();
  const db = await openFaultDatabase(plan.server.url, plan.schema);
  const statementTimeoutS = Math.min(
    DEFAULT_STATEMENT_TIMEOUT_S,
    Math.floor((plan.seconds * 2) / 3),
  );
  const place = { ...plan, proxy, url: url.href, client, statementTimeoutS };
  try {
    await db.migrate();
    await client.query(`SET search_path TO "${plan.schema}"`);
    await client.query(CREATE_EFFECTS);
    const silence = await beSilent(place, new TaskQueue({ db, clock: systemClock }));
    const endings = {
      silentMs: await endWhileSilent(place),
      lockedMs: await endWhileLocked(place),
      graceMs: GRACE_S * 1000,
    };
    return judge(silence, endings);
  } finally {
    await db.close();
    await client.end();
    await proxy.close();
  }
}

async function beSilent(place: Place, queue: TaskQueue): Promise<Silence> {
  const { proxy, note, seconds } = place;
  const server = await startServer(place);
  const worker = await startWorker(place);
  try {
    const load = await startLoad(server.address, queue);
    await systemClock.sleep(WARM_MS);
    const silentAt = monotonicMs();
    proxy.fallSilent();
    note(`silent for ${seconds} s`);
    await systemClock.sleep(seconds * 1000);
    proxy.speak();
    const spokeAt = monotonicMs();
    const ranAt = await untilEffects(place, (await effects(place)) + 1);
    note(`tasks ran again after ${Math.round(ranAt - spokeAt)} ms`);
    await untilReady(load, spokeAt);
    await load.stop();
    await untilEffects(place, load.tasks);
    return { silentAt, spokeAt, ranAt, load, ...(await stored(place)) };
  } finally {
    await end(worker);
    await end(server.process);
  }
}

async function untilReady(load: Load, since: number): Promise<void> {
  const endsAt = monotonicMs() + PATIENCE_MS;
  while (
    monotonicMs() < endsAt &&
    !load.readiness.some(({ askedAt, text }) => askedAt >= since && text === 'ready')
  ) {
    await systemClock.sleep(ASK_EVERY_MS);
  }
}

/** Resolves with the time at which there were so many. The report judges whether that was soon enough. */
async function untilEffects(place: Place, wanted: number): Promise<number> {
  const endsAt = monotonicMs() + PATIENCE_MS;
  while (monotonicMs() < endsAt && (await effects(place)) < wanted) {
    await systemClock.sleep(ASK_EVERY_MS);
  }
  return monotonicMs();
}

async function effects({ client }: Place): Promise<number> {
  const { rows } = await client.query('SELECT count(DISTINCT task_id)::int AS count FROM effects');
  return rows[0].count;
}

async function stored({ client }: Place) {
  const done = await client.query<{ id: string; times: number }>(
    'SELECT task_id AS id, count(*)::int AS times FROM effects GROUP BY task_id',
  );
  const left = await client.query(
    'SELECT (SELECT count(*) FROM tasks) + (SELECT count(*) FROM dead_tasks) AS count',
  );
  const results = await client.query<{ id: string }>('SELECT result_id AS id FROM test_results');
  return {
    done: done.rows,
    left: Number(left.rows[0].count),
    results: results.rows.map(({ id }) => Number(id)),
  };
}

/** Measures the time from SIGTERM to the end of the process, during a request. */
async function endWhileSilent(place: Place): Promise<number> {
  const server = await startServer(place);
  const recorded = await openInvocation(server.address, 'silent');
  place.proxy.fallSilent();
  const answer = finalize(recorded, 'silent');
  const tookMs = await end(server.process);
  place.proxy.speak();
  await answer;
  place.note(`SIGTERM during silence: ended after ${Math.round(tookMs)} ms`);
  return tookMs;
}

async function endWhileLocked(place: Place): Promise<number> {
  const { client, note } = place;
  const server = await startServer(place);
  const recorded = await openInvocation(server.address, 'locked');
  await client.query('BEGIN');
  await client.query("SELECT 1 FROM invocations WHERE invocation_id LIKE '%locked' FOR UPDATE");
  const answer = finalize(recorded, 'locked');
  while ((await client.query('SELECT 1 FROM pg_locks WHERE NOT granted')).rowCount === 0) {
    await systemClock.sleep(ASK_EVERY_MS);
  }
  const tookMs = await end(server.process);
  await client.query('ROLLBACK');
  await answer;
  note(`SIGTERM during a row lock: ended after ${Math.round(tookMs)} ms`);
  return tookMs;
}

async function finalize({ recorder, token }: Recorded, id: string): Promise<void> {
  const call = recorder.finalizeInvocation(
    { name: `invocations/${id}` },
    { headers: { 'update-token': token } },
  );
  await call.catch(() => undefined); // its server ends
}

async function startServer({ url, schema, statementTimeoutS }: Place) {
  const flags = [
    ...['listen=127.0.0.1:0', `database=${url}`, `schema=${schema}`],
    ...[`shutdownGrace=${GRACE_S}s`, `statementTimeout=${statementTimeoutS}s`],
  ];
  const process_ = spawn(process.execPath, [SERVER, ...flags], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  for await (const address of createInterface(process_.stdout)) {
    return { process: process_, address };
  }
  throw new Error('the server ended before it listened');
}

async function startWorker({ url, schema, statementTimeoutS }: Place): Promise<ChildProcess> {
  const worker = fork(WORKER, [url, schema, String(statementTimeoutS * 1_000)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  await once(worker, 'message');
  return worker;
}

async function end(child: ChildProcess): Promise<number> {
  const startedAt = monotonicMs();
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
  return monotonicMs() - startedAt;
}
