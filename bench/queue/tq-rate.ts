/**
 * How fast are push tasks added in transactions of 1 and of 100, if they are submitted right after the commit
 * (happy), or by a sweep because the queue was unreachable (swept)? It compares with inserting the same rows
 * and doing nothing with them. And how fast does a sweep process a table full of reminders, and with how
 * much memory over idle? That is compared with a bare loop that reads and deletes the same rows in batches.
 *
 *     npm run bench -- tq-rate [--tasks 20000] [--reminders 1000000] [--rounds 3]
 *       [--unsafe-fast] [--json]
 *
 * The queue accepts everything at once, as its own cost is not measured. The sweeps whose memory is measured
 * run in separate processes. The young generation of one of them is limited to halves of 16 MB, which shows
 * how much memory is alive rather than garbage.
 */

import { spawn } from 'node:child_process';
import { type Clock, standardPayload } from '@postlude/queue';
import { forEachLimit, randomHex, systemClock } from '@postlude/queue/foundations';
import { openPostgres } from '@postlude/queue/postgres';
import type { Database } from '@postlude/queue/storage';
import { raw, sql } from '@postlude/queue/storage';
import type { Submitter } from '@postlude/queue/tq';
import { SubmitError, Sweeper, TaskClasses, Tq, taskClass } from '@postlude/queue/tq';
import pg from 'pg';
import { z } from 'zod';
import { newReminder, remindedRequest } from '../../packages/queue/src/tq/reminders/reminder.ts';
import { prepareRequest } from '../../packages/queue/src/tq/submit/request.ts';
import { CommandLine } from '../../scripts/command-line.ts';
import { SERVER_OPTIONS, startBenchServer } from '../conditions/bench-server.ts';
import { type Conditions, readConditions } from '../conditions/conditions.ts';
import { type Costs, costsOf } from '../rounds/costs.ts';
import { median, ratio } from '../rounds/statistics.ts';

const line = new CommandLine({
  command: 'npm run bench -- tq-rate',
  options: {
    tasks: { type: 'string', default: '20000' },
    reminders: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '3' },
    /** Set in the process that sweeps: the database with the reminders. */
    sweep: { type: 'string' },
    ...SERVER_OPTIONS,
  },
});
const { values } = line;
const TASKS = line.count('tasks');
const REMINDERS = line.count('reminders');
const ROUNDS = line.count('rounds');
/** The number of concurrent transactions. */
const CALLERS = 16;
const SWEEP_BATCH = 128;
const SCHEMA = 'bench';

const MAIL = taskClass({
  id: 'mail',
  kind: 'transactional',
  queue: 'post',
  payload: standardPayload(z.object({ to: z.string(), about: z.string() })),
});
const payload = { to: 'somebody@example.org', about: 'your build has ended' };

const takesAll: Submitter = { submit: () => Promise.resolve('submitted') };
const takesNone: Submitter = {
  submit: () => Promise.reject(new SubmitError('away', { isTransient: true, code: 'unavailable' })),
};
/** A virtual clock, which replaces the database's: 61 seconds ahead, so that all reminders are stale. */
const laterClock: Clock = {
  ...systemClock,
  isVirtual: true,
  now: () => systemClock.now() + 61_000,
};

interface SweepMeasurement {
  readonly perSecond: number;
  readonly sweeps: number;
  readonly idleMb: number;
  readonly overIdleMb: number;
}

if (values.sweep) console.log(JSON.stringify(await measureSweep(values.sweep)));
else await compare();

async function compare(): Promise<void> {
  const server = await startBenchServer(values);
  try {
    const db = await openPostgres({ url: server.url, schema: SCHEMA, maxConnections: CALLERS });
    await db.migrate();
    const one = await compareAdding(db, server.url, 1);
    const hundred = await compareAdding(db, server.url, 100);
    const swept = await sweepInProcess(db, server.url, ['--max-semi-space-size=16']);
    const byDefault = await sweepInProcess(db, server.url, []);
    await fillReminders(db);
    const bare = await perSecond(() => bareSweep(server.url));
    await db.close();
    note(`sweeps: ${JSON.stringify({ swept, byDefault, bare })}`);
    const costs = await measureCosts(server.url);
    const conditions = await readConditions(server.url);
    report({ one, hundred, swept, byDefault, bare, costs, conditions });
  } finally {
    await server.stop();
  }
}

type AddRates = Record<'bare' | 'happy' | 'swept', number>;

function report(results: {
  readonly one: AddRates;
  readonly hundred: AddRates;
  readonly swept: SweepMeasurement;
  readonly byDefault: SweepMeasurement;
  readonly bare: number;
  readonly costs: Readonly<Record<string, Costs>>;
  readonly conditions: Conditions;
}): void {
  const { one, hundred, swept, byDefault, bare, costs, conditions } = results;
  const summary = {
    bench: 'tq-rate',
    ratios: {
      happy_1: ratio(one.happy, one.bare),
      swept_1: ratio(one.swept, one.bare),
      happy_100: ratio(hundred.happy, hundred.bare),
      swept_100: ratio(hundred.swept, hundred.bare),
      sweep: ratio(swept.perSecond, bare),
    },
    tasks_per_second: { in_transactions_of_1: one, in_transactions_of_100: hundred },
    costs_per_task: costs,
    sweep_per_second: { sweep: swept.perSecond, bare },
    sweep_over_idle_mb: {
      small_young_generation: swept.overIdleMb,
      defaults: byDefault.overIdleMb,
    },
    sweep_idle_mb: swept.idleMb,
    sweeps: swept.sweeps,
    tasks: TASKS,
    reminders: REMINDERS,
    rounds: ROUNDS,
    conditions,
  };
  console.log(JSON.stringify(summary));
}

/** Returns medians of tasks per second, in transactions of `size`. */
async function compareAdding(db: Database, url: string, size: number): Promise<AddRates> {
  const rates: Record<keyof AddRates, number[]> = { bare: [], happy: [], swept: [] };
  for (let round = 1; round <= ROUNDS; round++) {
    await empty(db);
    rates.bare.push(await perSecond(() => insertBare(url, size)));
    await empty(db);
    rates.happy.push(await perSecond(() => addTasks(db, size, takesAll)));
    await expectNone(db);
    rates.swept.push(
      await perSecond(async () => {
        const added = await addTasks(db, size, takesNone);
        await sweepAll(db);
        return added;
      }),
    );
    const last = Object.entries(rates).map(([name, all]) => `${name} ${all.at(-1)}`);
    note(`round ${round}, transactions of ${size}, tasks/s: ${last.join(', ')}`);
  }
  return { bare: median(rates.bare), happy: median(rates.happy), swept: median(rates.swept) };
}

/** Includes what opening the database costs, which is a few commits. */
async function measureCosts(url: string): Promise<Record<string, Costs>> {
  const costs: Record<string, Costs> = {};
  for (const size of [1, 100]) {
    costs[`bare_${size}`] = await costsOf(url, TASKS, () => insertBare(url, size));
    costs[`happy_${size}`] = await costsOf(url, TASKS, async () => {
      const db = await openPostgres({ url, schema: SCHEMA, maxConnections: CALLERS });
      await addTasks(db, size, takesAll);
      await db.close();
    });
  }
  return costs;
}

function transactionsOf(size: number): number[] {
  return Array.from({ length: Math.ceil(TASKS / size) }, (_, index) => index);
}

async function addTasks(db: Database, size: number, submitter: Submitter): Promise<number> {
  const tq = new Tq({ db, classes: new TaskClasses([MAIL]), submitter });
  const transactions = transactionsOf(size);
  await forEachLimit(transactions, CALLERS, () =>
    db.write(async (tx) => {
      for (let count = 0; count < size; count++) await tq.addTask({ class: MAIL, payload }, tx);
    }),
  );
  await tq.idle();
  return transactions.length * size;
}

/** Inserts the same rows with the bare driver, in one statement for each transaction. */
async function insertBare(url: string, size: number): Promise<number> {
  const pool = new pg.Pool({ connectionString: url, max: CALLERS });
  const { classId, payload: stored } = sampleReminder();
  const transactions = transactionsOf(size);
  await forEachLimit(transactions, CALLERS, async () => {
    await pool.query({
      name: 'insert',
      text: `INSERT INTO ${SCHEMA}.tq_reminders (id, class_id, create_time, fresh_until, payload)
        SELECT id, $2, now(), now() + interval '1 minute', $3 FROM unnest($1::text[]) AS id`,
      values: [Array.from({ length: size }, () => randomHex(16)), classId, stored],
    });
  });
  await pool.end();
  return transactions.length * size;
}

/** Sweeps a full table once, in a separate process. */
async function sweepInProcess(
  db: Database,
  url: string,
  flags: readonly string[],
): Promise<SweepMeasurement> {
  await fillReminders(db);
  const args = ['--expose-gc', ...flags, import.meta.filename, ...process.argv.slice(2)];
  const child = spawn(process.execPath, [...args, '--sweep', url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  for await (const chunk of child.stdout) output += String(chunk);
  return JSON.parse(output) as SweepMeasurement;
}

async function measureSweep(url: string): Promise<SweepMeasurement> {
  const db = await openPostgres({ url, schema: SCHEMA });
  const submitter: Submitter = { submit: () => Promise.resolve('submitted') };
  const sweeper = new Sweeper({ db, submitter, clock: laterClock, batchSize: SWEEP_BATCH });
  await db.read((tx) => tx.query(sql`SELECT 1`, {}));
  globalThis.gc?.();
  const idleBytes = process.memoryUsage.rss();
  let peakBytes = idleBytes;
  const sampling = setInterval(() => {
    peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
  }, 10);
  const startedAt = performance.now();
  let submitted = 0;
  let sweeps = 0;
  for (let last = 1; last > 0; sweeps++) {
    ({ submitted: last } = await sweeper.runOnce());
    submitted += last;
  }
  const seconds = (performance.now() - startedAt) / 1000;
  clearInterval(sampling);
  if (submitted !== REMINDERS) throw new Error(`${submitted} of ${REMINDERS} were submitted`);
  await expectNone(db);
  await db.close();
  return {
    perSecond: Math.round(submitted / seconds),
    sweeps: sweeps - 1,
    idleMb: Math.round(idleBytes / 1e6),
    overIdleMb: Math.round((peakBytes - idleBytes) / 1e6),
  };
}

async function sweepAll(db: Database): Promise<void> {
  const sweeper = new Sweeper({ db, submitter: takesAll, clock: laterClock });
  while ((await sweeper.runOnce()).submitted > 0);
  await expectNone(db);
}

/** Does the least that a sweep must do: it reads a batch in the order of ids, and deletes it. */
async function bareSweep(url: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  let count = 0;
  for (let after = ''; ; ) {
    const { rows } = await client.query({
      name: 'read',
      text: `SELECT id, class_id, create_time, fresh_until, payload FROM ${SCHEMA}.tq_reminders
        WHERE id > $1 ORDER BY id LIMIT ${SWEEP_BATCH}`,
      values: [after],
    });
    if (rows.length === 0) break;
    await client.query({
      name: 'delete',
      text: `DELETE FROM ${SCHEMA}.tq_reminders WHERE id = ANY($1)`,
      values: [rows.map((row) => row.id)],
    });
    after = rows.at(-1).id;
    count += rows.length;
  }
  await client.end();
  return count;
}

/** Inserts stale reminders with ids that look random. */
async function fillReminders(db: Database): Promise<void> {
  await empty(db);
  const { classId, payload: stored } = sampleReminder();
  const id = raw('md5(n::text)');
  await db.statement(
    sql`INSERT INTO ${raw(`${SCHEMA}.tq_reminders`)}
        SELECT ${id}, ${classId}, now() - interval '2 minutes', now() - interval '1 minute', ${stored}
        FROM generate_series(1, ${REMINDERS}) AS n`,
    {},
  );
  await db.statement(raw(`ANALYZE ${SCHEMA}.tq_reminders`), {});
}

function sampleReminder() {
  const id = randomHex(16);
  const now = systemClock.now();
  const context = { settings: {}, now, traceparent: undefined };
  const request = prepareRequest({ class: MAIL, payload }, context);
  return newReminder(id, remindedRequest(request, id), now);
}

async function empty(db: Database): Promise<void> {
  await db.statement(raw(`TRUNCATE ${SCHEMA}.tq_reminders`), {});
}

async function expectNone(db: Database): Promise<void> {
  const rows = await db.read((tx) =>
    tx.query(raw(`SELECT id FROM ${SCHEMA}.tq_reminders LIMIT 1`), {}),
  );
  if (rows.length > 0) throw new Error('reminders were left over');
}

async function perSecond(work: () => Promise<number>): Promise<number> {
  const startedAt = performance.now();
  const count = await work();
  return Math.round(count / ((performance.now() - startedAt) / 1000));
}

function note(text: string): void {
  if (!values.json) console.error(text);
}
