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
import { parseArgs } from 'node:util';
import { seededRandom } from '../src/random.ts';
import { type PostgresServer, startPostgres } from '../src/testing/postgres-server.ts';
import { runTaskFaults } from '../test/faults/task-faults.ts';
import { runTqFaults } from '../test/faults/tq-faults.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    tasks: { type: 'string' },
    kills: { type: 'string' },
    restarts: { type: 'string', default: '6' },
    seed: { type: 'string', default: String(process.pid) },
    json: { type: 'boolean', default: false },
  },
});

const RUNS = { tasks: taskFaults, tq: tqFaults };
const kind = positionals[0] ?? 'tasks';
if (kind !== 'tasks' && kind !== 'tq') throw new Error(`no fault run ${kind}: tasks, tq`);
const server = await startPostgres();
try {
  console.error(`seed ${values.seed}`);
  const isRight = await RUNS[kind](server);
  process.exitCode = isRight ? 0 : 1;
} finally {
  await server.stop();
}

async function taskFaults(server: PostgresServer): Promise<boolean> {
  const faults = await runTaskFaults({
    ...{ server, ...shared() },
    tasks: Number(values.tasks ?? 20_000),
    kills: Number(values.kills ?? 100),
    restarts: Number(values.restarts),
  });
  const isRight = faults.lost + faults.twice + faults.left === 0;
  if (!values.json) console.log(isRight ? 'every effect once' : 'BROKEN');
  console.log(JSON.stringify({ faults }));
  return isRight;
}

async function tqFaults(postgres: PostgresServer): Promise<boolean> {
  const faults = await runTqFaults({
    ...{ postgres, ...shared() },
    tasks: Number(values.tasks ?? 10_000),
    kills: Number(values.kills ?? 30),
  });
  const isRight = faults.lost + faults.foreign + faults.reminders_left === 0;
  if (!values.json) console.log(isRight ? 'every committed task has run, no other' : 'BROKEN');
  console.log(JSON.stringify({ faults_tq: faults }));
  return isRight;
}

function shared() {
  return {
    schema: 'faults',
    random: seededRandom(Number(values.seed)),
    note: (text: string) => console.error(text),
  };
}
