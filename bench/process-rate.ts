/**
 * How fast are trivial tasks processed with fences, compared with a bare SQL loop of lease and delete on the
 * same server, with the same driver and the same batches? It also compares with two such loops side by side,
 * which is the most that two cores can do, and with handlers of batches, and measures how fast tasks are
 * enqueued.
 *
 *     npm run bench -- process-rate [--tasks 100000] [--rounds 3] [--unsafe-fast] [--json]
 */

import { Dispatcher, noPayload, TaskInspector, TaskQueue, taskType } from '@postlude/queue';
import { systemClock } from '@postlude/queue/foundations';
import { openPostgres } from '@postlude/queue/postgres';
import type { Database } from '@postlude/queue/storage';
import { raw } from '@postlude/queue/storage';
import pg from 'pg';
import { CommandLine } from '../scripts/command-line.ts';
import { SERVER_OPTIONS, startBenchServer } from './conditions/bench-server.ts';
import { readConditions } from './conditions/conditions.ts';
import { drainByBatches } from './conditions/drain-by-batches.ts';

const line = new CommandLine({
  command: 'npm run bench -- process-rate',
  options: {
    tasks: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '3' },
    ...SERVER_OPTIONS,
  },
});
const TASKS = line.count('tasks');
const ROUNDS = line.count('rounds');
const BATCH = 500;
const TYPE = taskType('bench', noPayload);

type Rate = 'enqueued' | 'fenced' | 'batch' | 'bare' | 'bare_twice';

const server = await startBenchServer(line.values);
const note = (text: string): void => console.error(text);
try {
  const db = await openPostgres({ url: server.url, schema: 'bench' });
  await db.migrate();
  const rates: Record<Rate, number[]> = {
    enqueued: [],
    fenced: [],
    batch: [],
    bare: [],
    bare_twice: [],
  };
  for (let round = 1; round <= ROUNDS; round++) {
    rates.enqueued.push(await perSecond(() => fill(db)));
    rates.fenced.push(await perSecond(() => drainByDispatcher(db)));
    await fill(db);
    rates.batch.push(await perSecond(() => drainByBatches(db, TYPE, TASKS)));
    await requireEmpty(db);
    await fill(db);
    rates.bare.push(await perSecond(() => drainByBareLoops(1)));
    await fill(db);
    rates.bare_twice.push(await perSecond(() => drainByBareLoops(2)));
    note(`round ${round}: ${JSON.stringify(lastOf(rates))}`);
  }
  await db.close();
  const middle = mapValues(rates, median);
  console.log(
    JSON.stringify({
      bench: 'process-rate',
      ratios: {
        fenced_over_bare: round2(middle.fenced / middle.bare),
        batch_over_fenced: round2(middle.batch / middle.fenced),
        fenced_over_two_bare: round2(middle.fenced / middle.bare_twice),
      },
      tasks_per_second: middle,
      tasks: TASKS,
      rounds: ROUNDS,
      conditions: await readConditions(server.url),
    }),
  );
} finally {
  await server.stop();
}

/** Starts with an empty table each time, so that neither side scans what the other has left. */
async function fill(db: Database): Promise<number> {
  await db.statement(raw('TRUNCATE bench.tasks'), {});
  const queue = new TaskQueue({ db, clock: systemClock });
  for (let start = 0; start < TASKS; start += BATCH) {
    const count = Math.min(BATCH, TASKS - start);
    const batch = Array.from({ length: count }, (_, index) => ({
      type: TYPE,
      id: `${(start + index) % 97}:task-${start + index}`,
    }));
    await queue.enqueue(batch);
  }
  await db.statement(raw('ANALYZE bench.tasks'), {});
  return TASKS;
}

async function drainByDispatcher(db: Database): Promise<number> {
  let handled = 0;
  const stop = new AbortController();
  const dispatcher = new Dispatcher({
    queue: new TaskQueue({ db, clock: systemClock }),
    handlers: [
      {
        type: TYPE,
        handle: async () => {
          handled += 1;
          if (handled === TASKS) stop.abort();
        },
      },
    ],
  });
  await dispatcher.run(stop.signal);
  await requireEmpty(db);
  return handled;
}

async function requireEmpty(db: Database): Promise<void> {
  const left = await new TaskInspector({ db }).list({ limit: 1 });
  if (left.length > 0) throw new Error('tasks were left over');
}

/** Does the least that a queue must do: it leases a batch and deletes it, without fences. */
async function drainByBareLoops(count: number): Promise<number> {
  const loops = await Promise.all(Array.from({ length: count }, () => bareLoop()));
  return loops.reduce((sum, count) => sum + count, 0);
}

async function bareLoop(): Promise<number> {
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  let handled = 0;
  for (;;) {
    const { rows } = await client.query({
      name: 'lease',
      text: `UPDATE bench.tasks SET attempt = attempt + 1, lease_until = now() + interval '1 minute'
        WHERE ctid = ANY(ARRAY(SELECT ctid FROM bench.tasks WHERE type = 'bench' AND process_after <= now()
          AND (lease_until IS NULL OR lease_until <= now())
          ORDER BY process_after, id LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)) RETURNING id`,
    });
    if (rows.length === 0) break;
    await client.query({
      name: 'delete',
      text: `DELETE FROM bench.tasks WHERE type = 'bench' AND id = ANY($1)`,
      values: [rows.map((row) => row.id)],
    });
    handled += rows.length;
  }
  await client.end();
  return handled;
}

async function perSecond(work: () => Promise<number>): Promise<number> {
  const startedAt = performance.now();
  const count = await work();
  return Math.round(count / ((performance.now() - startedAt) / 1000));
}

function lastOf(rates: Record<string, number[]>): Record<string, number | undefined> {
  return mapValues(rates, (all) => all.at(-1));
}

function mapValues<K extends string, V, R>(
  record: Record<K, V>,
  fn: (value: V) => R,
): Record<K, R> {
  return Object.fromEntries(
    Object.entries(record).map(([key, value]) => [key, fn(value as V)]),
  ) as Record<K, R>;
}

function median(all: readonly number[]): number {
  return all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)] ?? 0;
}

function round2(ratio: number): number {
  return Math.round(ratio * 100) / 100;
}
