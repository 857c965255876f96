/**
 * How fast are tasks enqueued, in transactions of 500 tasks by one caller and of one task by 16 concurrent
 * callers, compared with bare inserts of the same rows? Each bare insert is one statement with its own
 * commit, with the same driver, the same batches and as many connections.
 *
 *     npm run bench -- enqueue-rate [--tasks 50000] [--singles 5000] [--rounds 3] [--unsafe-fast] [--json]
 */

import { noPayload, TaskQueue, taskType } from '@postlude/queue';
import { forEachLimit, systemClock } from '@postlude/queue/foundations';
import { openPostgres } from '@postlude/queue/postgres';
import { type Database, raw } from '@postlude/queue/storage';
import pg from 'pg';
import { CommandLine } from '../scripts/command-line.ts';
import { SERVER_OPTIONS, startBenchServer } from './conditions/bench-server.ts';
import { readConditions } from './conditions/conditions.ts';

const line = new CommandLine({
  command: 'npm run bench -- enqueue-rate',
  options: {
    tasks: { type: 'string', default: '50000' },
    singles: { type: 'string', default: '5000' },
    rounds: { type: 'string', default: '3' },
    ...SERVER_OPTIONS,
  },
});
const CALLERS = 16;
const BATCH = 500;
const TYPE = taskType('bench', noPayload);
const SCHEMA = 'bench';

const REFILL = [
  `TRUNCATE ${SCHEMA}.tasks`,
  `INSERT INTO ${SCHEMA}.tasks (type, id, create_time, process_after, attempt, fence)
   SELECT 'bench', number % 97 || ':old-' || number, now(), now(), 0, 0
   FROM generate_series(1, 50000) AS number`,
  `ANALYZE ${SCHEMA}.tasks`,
];

interface Load {
  readonly tasks: number;
  readonly batch: number;
  readonly callers: number;
}

const LOADS = {
  batches: { tasks: line.count('tasks'), batch: BATCH, callers: 1 },
  singles: { tasks: line.count('singles'), batch: 1, callers: CALLERS },
} satisfies Record<string, Load>;
type LoadName = keyof typeof LOADS;
const NAMES = Object.keys(LOADS) as LoadName[];

const server = await startBenchServer(line.values);
const pool = new pg.Pool({ connectionString: server.url, max: CALLERS });
pool.on('connect', (client) => client.on('error', () => undefined)); // the server ends before some of them do
try {
  const db = await openPostgres({ url: server.url, schema: SCHEMA, maxConnections: CALLERS });
  await db.migrate();
  const queue = new TaskQueue({ db, clock: systemClock });
  const rates = { batches: newRates(), singles: newRates() };
  for (let round = 1; round <= line.count('rounds'); round++) {
    for (const name of NAMES) {
      const ids = batchesOf(LOADS[name]);
      rates[name].enqueued.push(
        await perSecond(db, { ...LOADS[name], batches: ids }, (batch) =>
          queue.enqueue(batch.map((id) => ({ type: TYPE, id }))),
        ),
      );
      rates[name].bare.push(await perSecond(db, { ...LOADS[name], batches: ids }, insertBare));
    }
    console.error(`round ${round}: ${JSON.stringify(rates)}`);
  }
  await db.close();
  report(rates, await readConditions(server.url));
} finally {
  await pool.end();
  await server.stop();
}

interface Rates {
  readonly enqueued: number[];
  readonly bare: number[];
}

function newRates(): Rates {
  return { enqueued: [], bare: [] };
}

function batchesOf({ tasks, batch }: Load): string[][] {
  return Array.from({ length: Math.ceil(tasks / batch) }, (_, index) =>
    Array.from({ length: Math.min(batch, tasks - index * batch) }, (_, place) => {
      const number = index * batch + place;
      return `${number % 97}:task-${number}`;
    }),
  );
}

/**
 * Enqueues into a queue of the same length each time, with statistics for the planner. If the planner
 * believes that the table is empty, it scans, and concurrent transactions conflict.
 */
async function perSecond(
  db: Database,
  { batches, callers, tasks }: Load & { readonly batches: readonly string[][] },
  write: (ids: readonly string[]) => Promise<unknown>,
): Promise<number> {
  for (const text of REFILL) await db.statement(raw(text), {});
  const startedAt = performance.now();
  await forEachLimit(batches, callers, async (ids) => void (await write(ids)));
  return Math.round(tasks / ((performance.now() - startedAt) / 1000));
}

async function insertBare(ids: readonly string[]): Promise<void> {
  await pool.query({
    name: 'insert',
    text: `INSERT INTO ${SCHEMA}.tasks (type, id, create_time, process_after, attempt, fence)
      SELECT 'bench', id, now(), now(), 0, 0 FROM unnest($1::text[]) AS id`,
    values: [ids],
  });
}

function report(rates: Readonly<Record<LoadName, Rates>>, conditions: unknown): void {
  const middle = {
    batches: { enqueued: median(rates.batches.enqueued), bare: median(rates.batches.bare) },
    singles: { enqueued: median(rates.singles.enqueued), bare: median(rates.singles.bare) },
  };
  const ratio = ({ enqueued, bare }: { enqueued: number; bare: number }): number =>
    Math.round((enqueued / bare) * 100) / 100;
  console.log(
    JSON.stringify({
      bench: 'enqueue-rate',
      ratios: {
        batches_over_bare: ratio(middle.batches),
        singles_over_bare: ratio(middle.singles),
      },
      tasks_per_second: middle,
      loads: LOADS,
      rounds: rates.batches.bare.length,
      conditions,
    }),
  );
}

function median(all: readonly number[]): number {
  return all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)] ?? 0;
}
