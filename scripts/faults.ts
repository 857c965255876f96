/**
 * npm run faults -- [tasks] [--tasks 20000] [--kills 100] [--restarts 6] [--seed N] [--json]
 *
 * Kills workers, restarts the server and cuts connections while tasks run, and counts the effects.
 * The last line is `{"faults": {"kills", "restarts", "tasks", "lost", "twice", "resumed_ms", …}}`.
 *
 * npm run faults -- tq [--tasks 10000] [--kills 30] [--seed N] [--json]
 *
 * Kills servers while they add pushed tasks in transactions, a third of which roll back, and counts
 * which have run. The last line is
 * `{"faults_tq": {"added", "rolled_back", "kills", "lost", "foreign", "repeated", "reminders_left", …}}`.
 */
import { seededRandom } from '../src/random.ts';
import { type PostgresServer, startPostgres } from '../src/testing/postgres-server.ts';
import { runTaskFaults } from '../test/faults/task-faults.ts';
import { runTqFaults } from '../test/faults/tq-faults.ts';
import { CommandLine } from './command-line.ts';

const RUNS = { tasks: taskFaults, tq: tqFaults };

const line = new CommandLine({
  command: 'npm run faults',
  names: Object.keys(RUNS),
  defaultName: 'tasks',
  options: {
    tasks: { type: 'string' },
    kills: { type: 'string' },
    restarts: { type: 'string', default: '6' },
    seed: { type: 'string', default: String(process.pid) },
    json: { type: 'boolean', default: false },
  },
});
const { values } = line;
const restarts = line.count('restarts', 0);
const seed = line.count('seed', 0);
const asked = { tasks: optional('tasks', 1), kills: optional('kills', 0) };

const server = await startPostgres();
try {
  console.error(`seed ${seed}`);
  const isRight = await RUNS[line.name as keyof typeof RUNS](server);
  process.exitCode = isRight ? 0 : 1;
} finally {
  await server.stop();
}

function optional(option: 'tasks' | 'kills', least: number): number | undefined {
  return values[option] === undefined ? undefined : line.count(option, least);
}

async function taskFaults(server: PostgresServer): Promise<boolean> {
  const faults = await runTaskFaults({
    ...{ server, ...shared() },
    tasks: asked.tasks ?? 20_000,
    kills: asked.kills ?? 100,
    restarts: restarts,
  });
  const isRight = faults.lost + faults.twice + faults.left === 0;
  if (!values.json) console.log(isRight ? 'every effect once' : 'BROKEN');
  console.log(JSON.stringify({ faults }));
  return isRight;
}

async function tqFaults(postgres: PostgresServer): Promise<boolean> {
  const faults = await runTqFaults({
    ...{ postgres, ...shared() },
    tasks: asked.tasks ?? 10_000,
    kills: asked.kills ?? 30,
  });
  const isRight = faults.lost + faults.foreign + faults.reminders_left === 0;
  if (!values.json) console.log(isRight ? 'every committed task has run, no other' : 'BROKEN');
  console.log(JSON.stringify({ faults_tq: faults }));
  return isRight;
}

function shared() {
  return {
    schema: 'faults',
    random: seededRandom(seed),
    note: (text: string) => console.error(text),
  };
}
