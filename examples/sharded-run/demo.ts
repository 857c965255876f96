/**
 * The main job of postlude, start to end: a test run in four shards, recorded by separate
 * processes. One shard's machine dies on the way. The run is over when it is over, its totals are
 * the runners' own, and every result is exported exactly once.
 *
 *     npm run demo [-- --database postgres://…|spanner://… --folder PATH]
 */
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import {
  isRunning,
  killMachine,
  lineWith,
  postlude,
  type Started,
  startPostlude,
} from './processes.ts';
import { type Shard, shardsOf } from './shards.ts';
import { addTotals, runnersOwnTotals, type Totals } from './totals.ts';
import { QUERIES, Warehouse } from './warehouse.ts';

const root = join(import.meta.dirname, '..', '..');
const { values: given } = parseArgs({
  options: { database: { type: 'string' }, folder: { type: 'string' } },
});
const folder = given.folder ? resolve(given.folder) : join(root, '.postlude', 'demo');
const exports = join(folder, 'exports');
/** On a database that stays, each demo is a run of its own. */
const RUN = given.database ? `demo-${randomUUID().slice(0, 8)}` : 'demo';

const say = (text = ''): void => console.log(text);
const step = (number: number, text: string): void => say(`\n${number}. ${text}`);
const indent = (text: string): string => text.replaceAll(/^/gm, '     ');

const started: Started[] = [];
const killAll = (): void => started.filter(isRunning).forEach(killMachine);
// They are in groups of their own, which Ctrl-C does not reach.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    killAll();
    process.exit(1);
  });
}
try {
  await main();
} finally {
  killAll();
}

async function main(): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const shards = shardsOf(RUN, folder);

  step(
    1,
    given.database
      ? `A server starts, on ${new URL(given.database).protocol}//…`
      : 'A server starts, with an embedded database. Nothing else is needed.',
  );
  const server = await startServer();
  const env = { POSTLUDE_SERVER: server.url };
  say(indent(`postlude serve   → ${server.url}`));

  step(2, 'Four machines run one test suite: a shard each, three runners, a process each.');
  const lost = record(shards.parcels, env);
  const outputs = new Map<Shard, string>();
  for (const shard of [shards.cart, shards.shipping, shards.delivery]) {
    outputs.set(shard, await recordToEnd(shard, env));
  }
  say(indent(`${shards.parcels.id}: ${shards.parcels.runner} is still running …`));

  step(3, 'Shard 2 had failed, so CI runs it again. Both tries belong to the run.');
  outputs.set(shards.shippingAgain, await recordToEnd(shards.shippingAgain, env));

  step(4, 'The run is declared: these shards, and nothing else. It is over when they are.');
  await untilCreated(shards.parcels.id, env);
  const includes = Object.values(shards).flatMap(({ id }) => ['--include', id]);
  say(
    indent(
      await postlude(
        ['create', RUN, '--finalize', '--export', 'ci.demo.results', ...includes],
        env,
      ),
    ),
  );
  say(indent(await postlude(['why', RUN], env)));

  step(5, 'The machine of shard 4 dies: SIGKILL, no goodbye. Does the run end without it? No:');
  killMachine(lost);
  await lost.ended;
  say(indent(await postlude(['why', RUN], env)));

  step(6, 'CI starts shard 4 again. The new process goes on with the invocation of the dead one.');
  writeFileSync(shards.parcels.env.DEMO_SHIP, 'land ahoy\n');
  outputs.set(shards.parcels, await recordToEnd(shards.parcels, env));

  step(
    7,
    'Now nothing below the run can change. That is decided once, with the export it leads to.',
  );
  say(indent(await postlude(['status', RUN, '--watch'], env)));
  const parquet = await exportedFile(env);

  await report(outputs, parquet);
  server.process.child.kill('SIGTERM');
  await server.process.ended;
  farewell(parquet);
}

async function startServer(): Promise<{ readonly url: string; readonly process: Started }> {
  const process = startPostlude([
    'serve',
    '--listen',
    '127.0.0.1:0',
    '--database',
    given.database ?? `pglite:${join(folder, 'data')}`,
    '--export-dir',
    exports,
    '--json',
  ]);
  started.push(process);
  const [url] = await lineWith(process, /http:\/\/127\.0\.0\.1:\d+/);
  return { url, process };
}

function record(shard: Shard, env: Readonly<Record<string, string>>): Started {
  const args = ['record', '--id', shard.id, '--reports', shard.report, '--', ...shard.command];
  const process = startPostlude(args, { ...env, ...shard.env });
  started.push(process);
  return process;
}

/** Answers what the runner printed. A failing test makes it end with 1, as in CI. */
async function recordToEnd(shard: Shard, env: Readonly<Record<string, string>>): Promise<string> {
  const process = record(shard, env);
  const code = await process.ended;
  if (code > 1) throw new Error(`${shard.id} ended with ${code}:\n${process.output()}`);
  const { passed, failed, skipped } = runnersOwnTotals(shard.runner, process.output());
  say(
    indent(
      `${shard.id}: ${shard.runner} says ${passed} passed, ${failed} failed, ${skipped} skipped`,
    ),
  );
  return process.output();
}

async function untilCreated(id: string, env: Readonly<Record<string, string>>): Promise<void> {
  for (;;) {
    const asked = startPostlude(['status', id], env);
    if ((await asked.ended) === 0) return;
  }
}

async function exportedFile(env: Readonly<Record<string, string>>): Promise<string> {
  const answer = await postlude(['export', RUN, '--wait', '--json'], env);
  const files = readdirSync(exports, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.parquet'),
  );
  const [file] = files;
  if (file === undefined || files.length !== 1) {
    throw new Error(`expected one Parquet file, found ${files.join(', ') || 'none'}: ${answer}`);
  }
  return join(exports, file);
}

async function report(outputs: ReadonlyMap<Shard, string>, parquet: string): Promise<void> {
  const warehouse = await Warehouse.open(parquet);
  step(8, 'One Parquet file holds every result. DuckDB, please:');
  for (const question of ['slowest', 'flaky', 'failing'] as const) {
    say(indent(`${question}:`));
    for (const row of await warehouse.rows(QUERIES[question])) {
      say(
        indent(
          `  ${Object.values(row)
            .map((cell) => (Array.isArray(cell) ? cell.join(' then ') : cell))
            .join('   ')}`,
        ),
      );
    }
  }
  const theirs = addTotals(
    [...outputs].map(([shard, text]) => runnersOwnTotals(shard.runner, text)),
  );
  compare(theirs, await warehouse.totals());
  warehouse.close();
}

function compare(theirs: Totals, ours: Totals): void {
  const line = ({ passed, failed, skipped }: Totals): string =>
    `${passed} passed, ${failed} failed, ${skipped} skipped`;
  step(9, 'The runners’ own totals, and the warehouse’s:');
  say(indent(`runners    ${line(theirs)}`));
  say(indent(`warehouse  ${line(ours)}`));
  if (line(theirs) !== line(ours)) throw new Error('the totals differ: that must never happen');
}

function farewell(parquet: string): void {
  if (!existsSync(parquet)) throw new Error(`${parquet} is gone`);
  say(`
The file: ${relative(root, parquet)}
Next:     README.md, docs/ci.md (your pipeline), docs/queue.md (only the queue),
          docs/finalization.md (how "over" is decided)`);
}
