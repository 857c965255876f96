/**
 * Is processing slower while a million tasks are waiting than while ten thousand are? Each contender has both
 * queues, in two databases. In each round it is given some tasks and processes as many, so that the queues
 * keep their lengths.
 *
 *     npm run bench -- backlog [--short 10000] [--long 1000000] [--tasks 10000] [--rounds 5] [--peers]
 *       [--unsafe-fast] [--json]
 *
 * Peers take part only with --peers, as filling their queues takes minutes.
 */
import pg from 'pg';
import { CommandLine } from '../../scripts/command-line.ts';
import { SERVER_OPTIONS, startBenchServer } from '../conditions/bench-server.ts';
import { readConditions } from '../conditions/conditions.ts';
import { addBatches, processRate, refill } from '../contenders/contender.ts';
import { Contenders } from '../contenders/open-contenders.ts';
import { inRounds, medians, type Rates } from '../rounds/rounds.ts';
import { ratio } from '../rounds/statistics.ts';

const line = new CommandLine({
  command: 'npm run bench -- backlog',
  options: {
    short: { type: 'string', default: '10000' },
    long: { type: 'string', default: '1000000' },
    tasks: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '5' },
    peers: { type: 'boolean', default: false },
    ...SERVER_OPTIONS,
  },
});
const LENGTHS = { short: line.count('short'), long: line.count('long') };
type Queue = keyof typeof LENGTHS;
/** The tasks that are given and processed in a round. */
const TASKS = line.count('tasks');
const NAMES = ['postlude', 'graphile_worker', 'pg_boss'] as const;

const server = await startBenchServer(line.values);
try {
  const queues = { short: await openQueues('short'), long: await openQueues('long') };
  const subjects = queues.short.all.flatMap((short, index) => {
    const long = queues.long.all[index] ?? short;
    return [
      { name: `${short.name}/short`, contender: short },
      { name: `${short.name}/long`, contender: long },
    ];
  });
  const rates = await inRounds(line.count('rounds'), subjects, async ({ contender }) => {
    await addBatches(contender, TASKS);
    return await processRate(contender, TASKS, 'handledMs');
  });
  await queues.short.close();
  await queues.long.close();
  await report(queues.short, rates);
} finally {
  await server.stop();
}

async function openQueues(queue: Queue): Promise<Contenders> {
  const url = await createDatabase(queue);
  const contenders = await Contenders.open(url, NAMES, { 'no-peers': !line.values.peers });
  for (const contender of contenders.all) {
    console.error(`filling ${contender.name}: ${LENGTHS[queue]} tasks`);
    await refill(contender, LENGTHS[queue]);
  }
  return contenders;
}

async function createDatabase(name: string): Promise<string> {
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  await client.query(`CREATE DATABASE ${name}_queue`);
  await client.end();
  return Object.assign(new URL(server.url), { pathname: `/${name}_queue` }).href;
}

async function report(contenders: Contenders, rates: Rates): Promise<void> {
  const middle = medians(rates);
  const change = (name: string): number | undefined =>
    ratio(middle[`${name}/long`], middle[`${name}/short`]);
  const changes = contenders.all.map(({ name }) => [name, change(name)]);
  console.log(
    JSON.stringify({
      bench: 'backlog',
      ratios: { million_over_ten_thousand: change('postlude') },
      long_over_short: Object.fromEntries(changes),
      tasks_per_second: middle,
      rounds: rates,
      lengths: LENGTHS,
      tasks_a_round: TASKS,
      ...contenders.about,
      conditions: await readConditions(server.url),
    }),
  );
}
