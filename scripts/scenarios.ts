/**
 * npm run scenarios -- [--only NAME,…|ci] [--database pglite,postgres,spanner] [--json]
 *
 * Runs pipelines with killed shards, retries, cancelled jobs and servers that go away, as real processes, on
 * each database. Prints a table; a scenario on two databases counts as two. The last line is
 * `{"scenarios": {"run", "failed"}}`. Exits with 1 if a scenario has failed.
 */
import { toError } from '@postlude/queue/foundations';
import { runsOn, SCENARIOS, Stage } from '../test/scenarios/scenarios.ts';
import { DATABASES } from '../test/scenarios/stage/databases.ts';
import { CommandLine } from './command-line.ts';

const line = new CommandLine({
  command: 'npm run scenarios',
  options: {
    only: { type: 'string' },
    database: { type: 'string', default: DATABASES.join(',') },
    json: { type: 'boolean', default: false },
  },
});
const names = SCENARIOS.map(({ name }) => name);
const ofCi = SCENARIOS.filter(({ isCi }) => isCi).map(({ name }) => name);
/** `ci` means all pipelines of CI systems. */
const asked = line.values.only === undefined ? names : line.list('only', ['ci', ...names]);
const only = asked.flatMap((name) => (name === 'ci' ? ofCi : name));
const databases = line.list('database', DATABASES);
/** With `--json`, only the last line goes to standard output. */
const print = line.values.json ? console.error : console.log;

const failures: string[] = [];
let run = 0;
for (const database of databases) {
  const scenarios = SCENARIOS.filter((each) => only.includes(each.name) && runsOn(each, database));
  if (scenarios.length === 0) continue;
  const stage = await Stage.open(database);
  try {
    for (const scenario of scenarios) {
      const begin = performance.now();
      const failure = await stage.run(scenario).then(() => undefined, toError);
      const seconds = ((performance.now() - begin) / 1000).toFixed(1).padStart(6);
      const verdict = failure === undefined ? 'ok    ' : 'FAILED';
      print(
        `${verdict} ${database.padEnd(8)} ${seconds} s  ${scenario.name.padEnd(32)} ${scenario.shows}`,
      );
      run += 1;
      if (failure === undefined) continue;
      failures.push(`${scenario.name} on ${database}`);
      console.error(failure.stack);
    }
  } finally {
    await stage.close();
  }
}
if (run === 0) line.refuse('nothing of that runs on that database');
for (const failure of failures) print(`failed: ${failure}`);
console.log(JSON.stringify({ scenarios: { run, failed: failures.length } }));
process.exitCode = failures.length === 0 ? 0 : 1;
