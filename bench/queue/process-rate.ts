/**
 * How fast are trivial tasks processed with fences, one by one and in batches, compared with the peers, and with bare SQL loops of lease
 * and delete on the same server, with the same driver and the same batches? Two such loops side by side are
 * the most that two cores can do. Medians of interleaved rounds.
 *
 *     npm run bench -- process-rate [--tasks 100000] [--rounds 3] [--no-peers] [--unsafe-fast] [--json]
 */
import { CommandLine } from '../../scripts/command-line.ts';
import { SERVER_OPTIONS, startBenchServer } from '../conditions/bench-server.ts';
import { readConditions } from '../conditions/conditions.ts';
import { processRate, refill } from '../contenders/contender.ts';
import { Contenders, PEER_OPTIONS } from '../contenders/open-contenders.ts';
import { type Costs, costsOf } from '../rounds/costs.ts';
import { best, inRounds, medians, type Rates } from '../rounds/rounds.ts';
import { ratio } from '../rounds/statistics.ts';

const line = new CommandLine({
  command: 'npm run bench -- process-rate',
  options: {
    tasks: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '3' },
    ...PEER_OPTIONS,
    ...SERVER_OPTIONS,
  },
});
const TASKS = line.count('tasks');
const NAMES = [
  'postlude',
  'postlude_batches',
  'bare_loop',
  'two_bare_loops',
  'graphile_worker',
  'pg_boss',
  'pg_boss_loop',
] as const;

const server = await startBenchServer(line.values);
try {
  const contenders = await Contenders.open(server.url, NAMES, line.values);
  const rates = await inRounds(line.count('rounds'), contenders.all, async (contender) => {
    await refill(contender, TASKS);
    return await processRate(contender, TASKS);
  });
  const costs = await measureCosts(contenders);
  await report({ contenders, rates, costs });
} finally {
  await server.stop();
}

/** Closes the contenders. */
async function measureCosts(contenders: Contenders): Promise<Record<string, Costs>> {
  for (const contender of contenders.all) await refill(contender, TASKS);
  await contenders.close();
  const costs: Record<string, Costs> = {};
  for (const { name, process } of contenders.all) {
    costs[name] = await costsOf(server.url, TASKS, () => process(TASKS));
  }
  return costs;
}

interface Measured {
  readonly contenders: Contenders;
  readonly rates: Rates;
  readonly costs: Readonly<Record<string, Costs>>;
}

async function report({ contenders, rates, costs }: Measured): Promise<void> {
  const middle = medians(rates);
  const ratios = {
    best_peer: ratio(middle.postlude, best(middle, contenders.peers)),
    batch_best_peer: ratio(middle.postlude_batches, best(middle, contenders.peers)),
    sql_limit: ratio(middle.postlude, middle.two_bare_loops),
    fenced_over_bare: ratio(middle.postlude, middle.bare_loop),
  };
  console.log(
    JSON.stringify({
      bench: 'process-rate',
      ratios,
      tasks_per_second: middle,
      costs_per_task: costs,
      rounds: rates,
      tasks: TASKS,
      ...contenders.about,
      conditions: await readConditions(server.url),
    }),
  );
}
