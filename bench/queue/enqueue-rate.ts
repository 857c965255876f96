/**
 * How fast are tasks enqueued, in transactions of 500 tasks by one caller and of one task by 16 concurrent
 * callers, compared with the peers, and with bare inserts of the same rows? Each bare insert is one statement
 * with its own commit, with the same driver, the same batches and as many connections. Medians of
 * interleaved rounds.
 *
 *     npm run bench -- enqueue-rate [--tasks 50000] [--singles 5000] [--waiting 50000] [--rounds 3]
 *       [--no-peers] [--unsafe-fast] [--json]
 */
import { CommandLine } from '../../scripts/command-line.ts';
import { SERVER_OPTIONS, startBenchServer } from '../conditions/bench-server.ts';
import { readConditions } from '../conditions/conditions.ts';
import { addRate, BATCH, CALLERS, type Load, refill } from '../contenders/contender.ts';
import { Contenders, openContender, PEER_OPTIONS } from '../contenders/open-contenders.ts';
import { type Costs, costsOf } from '../rounds/costs.ts';
import { best, inRounds, medians, type Rates } from '../rounds/rounds.ts';
import { ratio } from '../rounds/statistics.ts';

const line = new CommandLine({
  command: 'npm run bench -- enqueue-rate',
  options: {
    tasks: { type: 'string', default: '50000' },
    singles: { type: 'string', default: '5000' },
    waiting: { type: 'string', default: '50000' },
    rounds: { type: 'string', default: '3' },
    ...PEER_OPTIONS,
    ...SERVER_OPTIONS,
  },
});
const LOADS = {
  batches: { tasks: line.count('tasks'), batch: BATCH, callers: 1 },
  singles: { tasks: line.count('singles'), batch: 1, callers: CALLERS },
} satisfies Record<string, Load>;
type LoadName = keyof typeof LOADS;
/** The tasks that are waiting already; if a planner believed the table to be empty, it would scan it. */
const WAITING = line.count('waiting');
const NAMES = ['postlude', 'bare_loop', 'graphile_worker', 'pg_boss'] as const;

const server = await startBenchServer(line.values);
try {
  const contenders = await Contenders.open(server.url, NAMES, line.values);
  const rates = {
    batches: await measureRates(contenders, 'batches'),
    singles: await measureRates(contenders, 'singles'),
  };
  await contenders.close();
  const costs = {
    batches: await measureCosts(contenders, 'batches'),
    singles: await measureCosts(contenders, 'singles'),
  };
  await report(contenders, rates, costs);
} finally {
  await server.stop();
}

function measureRates({ all }: Contenders, load: LoadName): Promise<Rates> {
  return inRounds(line.count('rounds'), all, async (contender) => {
    await refill(contender, WAITING);
    return await addRate(contender, LOADS[load]);
  });
}

/** Includes what opening each contender costs, which is a few commits. */
async function measureCosts({ all }: Contenders, load: LoadName): Promise<object> {
  const costs: Record<string, Costs> = {};
  for (const { name } of all) {
    costs[name] = await costsOf(server.url, LOADS[load].tasks, async () => {
      const contender = await openContender(server.url, name);
      await contender.empty();
      await addRate(contender, LOADS[load]);
      await contender.close();
    });
  }
  return costs;
}

async function report(
  contenders: Contenders,
  rates: Readonly<Record<LoadName, Rates>>,
  costs: Readonly<Record<LoadName, object>>,
): Promise<void> {
  const middle = { batches: medians(rates.batches), singles: medians(rates.singles) };
  const ratios = {
    best_peer: ratio(middle.batches.postlude, best(middle.batches, contenders.peers)),
    single_best_peer: ratio(middle.singles.postlude, best(middle.singles, contenders.peers)),
    sql_limit: ratio(middle.batches.postlude, middle.batches.bare_loop),
    singles_over_bare: ratio(middle.singles.postlude, middle.singles.bare_loop),
  };
  console.log(
    JSON.stringify({
      bench: 'enqueue-rate',
      ratios,
      tasks_per_second: middle,
      costs_per_task: costs,
      rounds: rates,
      loads: LOADS,
      waiting: WAITING,
      ...contenders.about,
      conditions: await readConditions(server.url),
    }),
  );
}
