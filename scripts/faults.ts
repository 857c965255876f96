/**
 * npm run faults -- [all] [--json]                    tasks, then crashes
 * npm run faults -- tasks [--tasks 20000] [--kills 100] [--restarts 6] [--seed N] [--json]
 *
 * Kills workers, restarts the server and cuts connections while tasks run, and counts the effects.
 * The last line is `{"faults": {"kills", "restarts", "tasks", "lost", "twice", "resumed_ms", …}}`.
 *
 * npm run faults -- crashes [--crashes 200] [--seed N] [--json]
 *
 * Makes PostgreSQL crash under many writers: processes are killed, servers restart immediately, commits are
 * cut at that moment, and standbys are promoted. Compares what was acknowledged with what is stored. The last
 * line is `{"faults": {"crashes": {"all", …}, "acknowledged", "stored", "acknowledged_lost", …}}`; that of
 * `all` holds both.
 *
 * npm run faults -- tq [--tasks 10000] [--kills 30] [--seed N] [--json]
 *
 * Kills servers while they add pushed tasks in transactions, a third of which roll back, and counts the
 * tasks that have run. The last line is
 * `{"faults_tq": {"added", "rolled_back", "kills", "lost", "foreign", "repeated", "reminders_left", …}}`.
 *
 * npm run faults -- silence [--seconds 60] [--json]
 *
 * Makes PostgreSQL fall silent under a server and a worker for that long, and then respond again; and stops
 * servers while it is silent, and while a row is locked. The last line is
 * `{"silence": {"tasks_again_s", "not_ready_after_s", "slowest_request_s", "sigterm_silent_s", "broken", …}}`.
 */
import { seededRandom } from '@postlude/queue/foundations';
import { runCrashFaults } from '../test/faults/crashes/crash-faults.ts';
import { runSilenceFaults } from '../test/faults/silence/silence-faults.ts';
import { runTaskFaults } from '../test/faults/tasks/task-faults.ts';
import { runTqFaults } from '../test/faults/tq/tq-faults.ts';
import { startPostgres } from '../test/support/databases/postgres-server.ts';
import { CommandLine } from './command-line.ts';

const RUNS = {
  all: allFaults,
  tasks: taskFaults,
  crashes: crashFaults,
  tq: tqFaults,
  silence: silenceFaults,
};

const line = new CommandLine({
  command: 'npm run faults',
  names: Object.keys(RUNS),
  defaultName: 'all',
  options: {
    tasks: { type: 'string' },
    kills: { type: 'string' },
    restarts: { type: 'string', default: '6' },
    crashes: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(process.pid) },
    json: { type: 'boolean', default: false },
  },
});
const { values } = line;
const restarts = line.count('restarts', 0);
const crashes = line.count('crashes', 1);
const seconds = line.count('seconds', 1);
const seed = line.count('seed', 0);
const asked = { tasks: optional('tasks', 1), kills: optional('kills', 0) };

/** This is another server after a promotion. */
let server = await startPostgres();
try {
  console.error(`seed ${seed}`);
  const { isRight, right, ...report } = await RUNS[line.name as keyof typeof RUNS]();
  if (!values.json) console.log(isRight ? right : 'BROKEN');
  console.log(JSON.stringify(report));
  process.exitCode = isRight ? 0 : 1;
} finally {
  await server.stop();
}

function optional(option: 'tasks' | 'kills', least: number): number | undefined {
  return values[option] === undefined ? undefined : line.count(option, least);
}

async function allFaults() {
  const tasks = await taskFaults();
  const crashed = await crashFaults();
  return {
    isRight: tasks.isRight && crashed.isRight,
    right: `${tasks.right}, ${crashed.right}`,
    faults: {
      ...tasks.faults,
      ...crashed.faults,
      twice: tasks.faults.twice + crashed.faults.twice,
    },
  };
}

async function taskFaults() {
  const faults = await runTaskFaults({
    server,
    ...shared(),
    tasks: asked.tasks ?? 20_000,
    kills: asked.kills ?? 100,
    restarts: restarts,
  });
  const isRight = faults.lost + faults.twice + faults.left === 0;
  return { isRight, right: 'every effect once', faults };
}

async function crashFaults() {
  const part = (share: number): number => Math.floor(crashes * share);
  const few = { promotions: Math.max(1, part(0.02)), cut_commits: part(0.24) };
  const some = { immediate_restarts: part(0.24), ...few };
  const killed = crashes - some.immediate_restarts - few.cut_commits - few.promotions;
  const run = await runCrashFaults({
    server,
    ...shared(),
    crashes: { killed_backends: killed, ...some },
  });
  server = run.server;
  const { acknowledged_lost, refused_stored, twice, foreign_pushes } = run.report;
  const isRight = acknowledged_lost + refused_stored + twice + foreign_pushes === 0;
  return { isRight, right: 'nothing acknowledged lost', faults: run.report };
}

async function tqFaults() {
  const faults = await runTqFaults({
    postgres: server,
    ...shared(),
    tasks: asked.tasks ?? 10_000,
    kills: asked.kills ?? 30,
  });
  const isRight = faults.lost + faults.foreign + faults.reminders_left === 0;
  return { isRight, right: 'every committed task has run, no other', faults_tq: faults };
}

async function silenceFaults() {
  const { schema, note } = shared();
  const silence = await runSilenceFaults({ server, schema, seconds, note });
  const isRight = silence.broken.length === 0;
  return { isRight, right: 'tasks ran again, and every end was in time', silence };
}

function shared() {
  return {
    schema: 'faults',
    random: seededRandom(seed),
    note: (text: string) => console.error(text),
  };
}
