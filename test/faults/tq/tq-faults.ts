/**
 * A fault run of pushed tasks: three servers on one PostgreSQL, with the Cloud Tasks emulator pushing
 * to them, are killed (SIGKILL) in turn and started again while they add tasks in transactions, a
 * third of which roll back. Sweeps run all the while. Afterwards every task of a committed
 * transaction must have run, none of another, and no reminder may be left.
 */
import { CloudTasksClient } from '@google-cloud/tasks';
import { monotonicMs, type Random, randomInt, systemClock } from '@postlude/queue/foundations';
import { openPostgres } from '@postlude/queue/postgres';
import pg from 'pg';
import { clientOptions } from '../../../packages/queue/src/tq/submit/google-client.ts';
import type { PostgresServer } from '../../support/databases/postgres-server.ts';
import { freePort } from '../../support/network/free-port.ts';
import { startCloudTasksEmulator } from '../../support/tq/cloud-tasks-emulator.ts';
import { type Chunk, CREATE_TABLES, QUEUE } from './tq-effects.ts';
import { TqServerProcess } from './tq-server-process.ts';

export interface TqFaultPlan {
  readonly postgres: PostgresServer;
  readonly schema: string;
  readonly tasks: number;
  readonly kills: number;
  readonly random: Random;
  readonly note: (text: string) => void;
}

export interface TqFaultReport {
  /** The number of tasks of committed transactions. */
  readonly added: number;
  readonly rolled_back: number;
  readonly kills: number;
  /** The number of tasks that were added but never run. */
  readonly lost: number;
  /** The number of tasks that were rolled back but run. */
  readonly foreign: number;
  /** The number of tasks that were run more than once, which "at least once" allows. */
  readonly repeated: number;
  /** The number of live and dead reminders. */
  readonly reminders_left: number;
  /** The number of tasks that sweeps submitted, some of them for the second time. */
  readonly swept: number;
}

const SERVERS = 3;
const ADDERS_A_SERVER = 4;
const MAX_TASKS_A_TRANSACTION = 9;
const ASK_EVERY_MS = 50;
/** If nothing new comes for this long, nothing more will come. */
const STALL_MS = 60_000;

export async function runTqFaults(plan: TqFaultPlan): Promise<TqFaultReport> {
  const { postgres, schema, kills } = plan;
  await createTables(postgres.url, schema);
  const emulator = await startCloudTasksEmulator([QUEUE]);
  const place = { databaseUrl: postgres.url, schema, emulatorHost: emulator.host };
  let swept = 0;
  const servers: TqServerProcess[] = [];
  try {
    for (let index = 0; index < SERVERS; index++) {
      const options = { ...place, issuer: emulator.issuer, port: await freePort() };
      servers.push(
        new TqServerProcess(options, (count) => {
          swept += count;
        }),
      );
    }
    await Promise.all(servers.map((server) => server.start()));
    const chunks = chunksOf(plan);
    await addAll(plan, servers, chunks);
    await untilQuiet(plan, emulator.host);
    const rolledBack = chunks.filter(({ end }) => end !== 'commits');
    const { ran, ...counts } = await outcome(plan);
    plan.note(`${ran} of ${plan.tasks} tasks have run`);
    return {
      ...counts,
      kills,
      rolled_back: rolledBack.flatMap(({ numbers }) => numbers).length,
      swept,
    };
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
    await emulator.stop();
  }
}

async function createTables(url: string, schema: string): Promise<void> {
  const db = await openPostgres({ url, schema });
  await db.migrate();
  await db.close();
  await query({ postgres: { url }, schema }, CREATE_TABLES);
}

function chunksOf({ tasks, random }: TqFaultPlan): Chunk[] {
  const chunks: Chunk[] = [];
  for (let next = 0; next < tasks; ) {
    const size = Math.min(1 + randomInt(random, MAX_TASKS_A_TRANSACTION), tasks - next);
    const numbers = Array.from({ length: size }, (_, index) => next + index);
    const end = (['throws', 'fails-at-commit'] as const)[randomInt(random, 6)] ?? 'commits';
    chunks.push({ id: chunks.length, numbers, end });
    next += size;
  }
  return chunks;
}

/**
 * Kills are spread over the run, and adders do not run ahead of them, so that each kill meets
 * transactions at work.
 */
async function addAll(
  { kills, note }: TqFaultPlan,
  servers: readonly TqServerProcess[],
  chunks: readonly Chunk[],
): Promise<void> {
  const waiting = [...chunks];
  const chunksAKill = chunks.length / kills;
  let settled = 0;
  let killed = 0;
  const killInTurn = async (): Promise<void> => {
    while (killed < kills) {
      await until(() => settled >= killed * chunksAKill);
      await servers[killed % servers.length]?.killAndRestart();
      killed++;
      if (killed % 10 === 0) note(`${killed} servers killed, ${settled} transactions`);
    }
  };
  const add = async (server: TqServerProcess): Promise<void> => {
    for (let chunk = waiting.shift(); chunk; chunk = waiting.shift()) {
      const { id } = chunk;
      await until(() => killed === kills || id <= (killed + 1) * chunksAKill);
      await server.add(chunk);
      settled++;
    }
  };
  const adders = servers.flatMap((server) => Array.from({ length: ADDERS_A_SERVER }, () => server));
  await Promise.all([killInTurn(), ...adders.map(add)]);
  note(`all ${settled} transactions have ended`);
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await systemClock.sleep(5);
}

/** Waits until nothing more can come: no task is in the queue, and no reminder in the database. */
async function untilQuiet(plan: TqFaultPlan, emulatorHost: string): Promise<void> {
  const client = new CloudTasksClient(clientOptions('@google-cloud/tasks', { emulatorHost }));
  let seen = '';
  let seenAt = monotonicMs();
  try {
    for (;;) {
      const { reminders_left, ran } = await outcome(plan);
      // Responses grow with the queue, up to a limit. A response that fails does not mean an empty queue.
      const [queued] = await client.listTasks({ parent: QUEUE }).catch(() => [['unknown']]);
      if (queued.length === 0 && reminders_left === 0) return;
      const state = `${queued.length} in the queue, ${ran} run, ${reminders_left} reminders`;
      if (state !== seen) [seen, seenAt] = [state, monotonicMs()];
      if (monotonicMs() - seenAt > STALL_MS) return plan.note(`nothing happens any more: ${state}`);
      await systemClock.sleep(ASK_EVERY_MS);
    }
  } finally {
    await client.close();
  }
}

async function outcome(plan: TqFaultPlan) {
  const [row] = await query<Record<string, string>>(
    plan,
    `WITH ran AS (SELECT number, count(*) AS times FROM ran_numbers GROUP BY number)
     SELECT (SELECT count(*) FROM added_numbers WHERE number >= 0) AS added,
       (SELECT count(*) FROM added_numbers a
        WHERE number >= 0 AND NOT EXISTS (SELECT FROM ran WHERE ran.number = a.number)) AS lost,
       (SELECT count(*) FROM ran
        WHERE NOT EXISTS (SELECT FROM added_numbers a WHERE a.number = ran.number)) AS foreign_ones,
       (SELECT count(*) FROM ran WHERE times > 1) AS repeated,
       (SELECT count(*) FROM ran) AS ran,
       (SELECT count(*) FROM tq_reminders) + (SELECT count(*) FROM tq_dead_reminders) AS reminders`,
  );
  const count = (name: string): number => Number(row?.[name] ?? Number.NaN);
  return {
    added: count('added'),
    lost: count('lost'),
    foreign: count('foreign_ones'),
    repeated: count('repeated'),
    ran: count('ran'),
    reminders_left: count('reminders'),
  };
}

async function query<R extends pg.QueryResultRow>(
  { postgres, schema }: { readonly postgres: { readonly url: string }; readonly schema: string },
  text: string,
): Promise<R[]> {
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  try {
    await client.query(`SET search_path TO "${schema}"`);
    return (await client.query<R>(text)).rows;
  } finally {
    await client.end();
  }
}
