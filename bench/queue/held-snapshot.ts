/**
 * Does processing get slower while somebody holds a snapshot, so that no dead row can be removed? A
 * transaction stays open while each contender in turn is given tasks and processes them, window after window.
 * The first window is measured within the held snapshot, too.
 *
 *     npm run bench -- held-snapshot [--tasks 20000] [--windows 10] [--no-peers] [--unsafe-fast] [--json]
 */
import pg from 'pg';
import { CommandLine } from '../../scripts/command-line.ts';
import { SERVER_OPTIONS, startBenchServer } from '../conditions/bench-server.ts';
import { readConditions } from '../conditions/conditions.ts';
import { addBatches, type Contender, processRate, refill } from '../contenders/contender.ts';
import { Contenders, PEER_OPTIONS } from '../contenders/open-contenders.ts';
import { best, inRounds, medians, type Rates } from '../rounds/rounds.ts';
import { ratio } from '../rounds/statistics.ts';

const line = new CommandLine({
  command: 'npm run bench -- held-snapshot',
  options: {
    tasks: { type: 'string', default: '20000' },
    windows: { type: 'string', default: '10' },
    ...PEER_OPTIONS,
    ...SERVER_OPTIONS,
  },
});
/** The tasks that are given and processed in a window. */
const TASKS = line.count('tasks');
const WINDOWS = line.count('windows', 2);
/** The first and the last windows of which the median counts, as one window alone scatters. */
const EDGE = Math.max(1, Math.floor(WINDOWS / 4));
const NAMES = ['postlude', 'bare_loop', 'graphile_worker', 'pg_boss', 'pg_boss_loop'] as const;

const server = await startBenchServer(line.values);
try {
  const contenders = await Contenders.open(server.url, NAMES, line.values);
  for (const contender of contenders.all) await warmUp(contender);
  const snapshot = await holdSnapshot();
  const rates = await inRounds(WINDOWS, contenders.all, async (contender) => {
    await addBatches(contender, TASKS);
    return await processRate(contender, TASKS);
  });
  await snapshot.end();
  await contenders.close();
  await report(contenders, rates);
} finally {
  await server.stop();
}

/** The planner knows tables of this length before the snapshot is taken. */
async function warmUp(contender: Contender): Promise<void> {
  await refill(contender, TASKS);
  await processRate(contender, TASKS);
}

async function holdSnapshot(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  await client.query('SELECT count(*) FROM pg_class');
  return client;
}

async function report(contenders: Contenders, rates: Rates): Promise<void> {
  const first = medians(mapRates(rates, (all) => all.slice(0, EDGE)));
  const last = medians(mapRates(rates, (all) => all.slice(-EDGE)));
  const changes = Object.keys(rates).map((name) => [name, ratio(last[name], first[name])]);
  console.log(
    JSON.stringify({
      bench: 'held-snapshot',
      ratios: {
        last_over_first: ratio(last.postlude, first.postlude),
        best_peer: ratio(last.postlude, best(last, contenders.peers)),
      },
      last_over_first: Object.fromEntries(changes),
      tasks_per_second: { first, last },
      windows: rates,
      tasks_a_window: TASKS,
      ...contenders.about,
      conditions: await readConditions(server.url),
    }),
  );
}

function mapRates(rates: Rates, fn: (all: readonly number[]) => readonly number[]): Rates {
  return Object.fromEntries(Object.entries(rates).map(([name, all]) => [name, fn(all)]));
}
