/**
 * npm run faults -- [--tasks 20000] [--kills 100] [--restarts 6] [--seed N] [--json]
 *
 * Kills workers, restarts the server and cuts connections while tasks run, and counts the effects.
 * The last line is `{"faults": {"kills", "restarts", "tasks", "lost", "twice", "resumed_ms", …}}`.
 */
import { parseArgs } from 'node:util';
import { seededRandom } from '../src/random.ts';
import { startPostgres } from '../src/testing/postgres-server.ts';
import { runTaskFaults } from '../test/faults/task-faults.ts';

const { values } = parseArgs({
  options: {
    tasks: { type: 'string', default: '20000' },
    kills: { type: 'string', default: '100' },
    restarts: { type: 'string', default: '6' },
    seed: { type: 'string', default: String(process.pid) },
    json: { type: 'boolean', default: false },
  },
});

const server = await startPostgres();
try {
  console.error(`seed ${values.seed}`);
  const faults = await runTaskFaults({
    server,
    schema: 'faults',
    tasks: Number(values.tasks),
    kills: Number(values.kills),
    restarts: Number(values.restarts),
    random: seededRandom(Number(values.seed)),
    note: (text) => console.error(text),
  });
  if (!values.json)
    console.log(faults.lost + faults.twice + faults.left === 0 ? 'every effect once' : 'BROKEN');
  console.log(JSON.stringify({ faults }));
  process.exitCode = faults.lost + faults.twice + faults.left === 0 ? 0 : 1;
} finally {
  await server.stop();
}
