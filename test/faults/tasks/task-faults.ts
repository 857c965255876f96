/**
 * A fault run of the queue on a real PostgreSQL server: worker processes are killed (SIGKILL) and
 * started again while tasks run; then, under further load, the server is restarted, alternately in
 * order and as after a crash, and connections are cut (pg_terminate_backend). Afterwards every task
 * must have had its effect exactly once, and nothing may be left over.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { TaskQueue } from '@postlude/queue';
import { monotonicMs, type Random, randomInt, systemClock } from '@postlude/queue/foundations';
import pg from 'pg';
import type { PostgresServer } from '../../support/databases/postgres-server.ts';
import { CREATE_EFFECTS, EFFECT, openFaultDatabase } from './task-effects.ts';

export interface FaultPlan {
  readonly server: PostgresServer;
  readonly schema: string;
  readonly tasks: number;
  readonly kills: number;
  readonly restarts: number;
  readonly random: Random;
  readonly note: (text: string) => void;
}

export interface FaultReport {
  readonly kills: number;
  readonly restarts: number;
  readonly terminated: number;
  readonly tasks: number;
  /** The number of tasks without an effect. */
  readonly lost: number;
  /** The number of tasks with more than one effect. */
  readonly twice: number;
  /** The number of tasks that are still in the queue, or dead. */
  readonly left: number;
  /** The longest time from the server's return until the next effect. */
  readonly resumed_ms: number;
}

const WORKERS = 4;
const ASK_EVERY_MS = 20;
/** If there is no effect for this long, something hangs. */
const STALL_MS = 60_000;
const CUTS_A_RESTART = 10;

export async function runTaskFaults(plan: FaultPlan): Promise<FaultReport> {
  const db = await openFaultDatabase(plan.server.url, plan.schema);
  await db.migrate();
  await query(plan, CREATE_EFFECTS);
  const queue = new TaskQueue({ db, clock: systemClock });
  const crew = new Crew(plan);
  try {
    await enqueue(queue, plan.tasks, 0);
    await crew.start();
    await killWorkers(plan, crew);
    const more = plan.restarts === 0 ? 0 : plan.tasks;
    await enqueue(queue, more, plan.tasks);
    const { resumedMs, terminated } = await disturbServer(plan, plan.tasks + more);
    await untilEffects(plan, plan.tasks + more);
    return {
      kills: plan.kills,
      restarts: plan.restarts,
      terminated,
      resumed_ms: resumedMs,
      ...(await countEffects(plan, plan.tasks + more)),
    };
  } finally {
    await crew.stop();
    await db.close();
  }
}

/** The worker processes. A process that is killed is replaced at once. */
class Crew {
  readonly #plan: FaultPlan;
  readonly #workers: ChildProcess[] = [];

  constructor(plan: FaultPlan) {
    this.#plan = plan;
  }

  async start(): Promise<void> {
    for (let worker = 0; worker < WORKERS; worker++) this.#workers.push(await this.#spawn());
  }

  async killOne(): Promise<void> {
    const index = randomInt(this.#plan.random, this.#workers.length);
    const worker = this.#workers[index];
    if (worker === undefined) throw new Error('no worker to kill');
    const ended = once(worker, 'exit');
    worker.kill('SIGKILL');
    await ended;
    this.#workers[index] = await this.#spawn();
  }

  async stop(): Promise<void> {
    const running = this.#workers.filter(
      ({ exitCode, signalCode }) => exitCode === null && signalCode === null,
    );
    const ended = running.map((worker) => once(worker, 'exit'));
    for (const worker of running) worker.kill('SIGTERM');
    await Promise.all(ended);
  }

  async #spawn(): Promise<ChildProcess> {
    const { server, schema } = this.#plan;
    const script = join(import.meta.dirname, 'task-worker.ts');
    const worker = fork(script, [server.url, schema], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const ended = once(worker, 'exit').then(() => {
      throw new Error('a worker ended before it was ready');
    });
    await Promise.race([once(worker, 'message'), ended]);
    return worker;
  }
}

/** Kills are spread over the run, so that each one interrupts tasks. */
async function killWorkers(plan: FaultPlan, crew: Crew): Promise<void> {
  const { kills, tasks, note } = plan;
  for (let kill = 1; kill <= kills; kill++) {
    await untilEffects(plan, Math.floor((tasks * 0.9 * (kill - 1)) / kills) + 1);
    await crew.killOne();
    if (kill % 10 === 0) note(`${kill} workers killed`);
  }
}

async function disturbServer(plan: FaultPlan, total: number) {
  const { server, restarts, note } = plan;
  let resumedMs = 0;
  let terminated = 0;
  for (let restart = 1; restart <= restarts; restart++) {
    for (let cut = 0; cut < CUTS_A_RESTART; cut++) terminated += await cutConnections(plan);
    await server.restart(restart % 2 === 1 ? 'crash' : 'orderly');
    const backAt = monotonicMs();
    const before = await effectCount(plan);
    if (before < total) await untilEffects(plan, before + 1);
    resumedMs = Math.max(resumedMs, Math.round(monotonicMs() - backAt));
    note(`server restarted ${restart} times, ${terminated} connections cut`);
  }
  return { resumedMs, terminated };
}

async function cutConnections(plan: FaultPlan): Promise<number> {
  await systemClock.sleep(ASK_EVERY_MS);
  const [row] = await query<{ count: string }>(
    plan,
    `SELECT count(pg_terminate_backend(pid)) AS count FROM pg_stat_activity
     WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'`,
  );
  return Number(row?.count ?? 0);
}

async function enqueue(queue: TaskQueue, count: number, first: number): Promise<void> {
  for (let start = 0; start < count; start += 500) {
    const ids = Array.from(
      { length: Math.min(500, count - start) },
      (_, index) => first + start + index,
    );
    await queue.enqueue(ids.map((id) => ({ type: EFFECT, id: `${id % 89}:${id}` })));
  }
}

async function untilEffects(plan: FaultPlan, wanted: number): Promise<void> {
  let seen = -1;
  let seenAt = monotonicMs();
  for (;;) {
    const count = await effectCount(plan);
    if (count >= wanted) return;
    if (count !== seen) [seen, seenAt] = [count, monotonicMs()];
    if (monotonicMs() - seenAt > STALL_MS)
      throw new Error(`stalled at ${count} of ${wanted} effects`);
    await systemClock.sleep(ASK_EVERY_MS);
  }
}

async function effectCount(plan: FaultPlan): Promise<number> {
  const [row] = await query<{ count: string }>(
    plan,
    'SELECT count(DISTINCT task_id) AS count FROM effects',
  );
  return Number(row?.count ?? 0);
}

async function countEffects(plan: FaultPlan, tasks: number) {
  const [row] = await query<{ done: string; twice: string; left: string }>(
    plan,
    `SELECT count(*) AS done, count(*) FILTER (WHERE times > 1) AS twice,
       (SELECT count(*) FROM tasks) + (SELECT count(*) FROM dead_tasks) AS left
     FROM (SELECT task_id, count(*) AS times FROM effects GROUP BY task_id) AS by_task`,
  );
  return {
    tasks,
    lost: tasks - Number(row?.done ?? 0),
    twice: Number(row?.twice ?? 0),
    left: Number(row?.left ?? 0),
  };
}

/** Opens a connection for each query, as restarts of the server break all others. */
async function query<R extends pg.QueryResultRow>(
  { server, schema }: FaultPlan,
  text: string,
): Promise<R[]> {
  const client = new pg.Client({ connectionString: server.url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query(`SET search_path TO "${schema}"`);
    return (await client.query<R>(text)).rows;
  } finally {
    await client.end();
  }
}
