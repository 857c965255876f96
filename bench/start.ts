/**
 * How long does the command take to start, and what does an idle server cost? Times `postlude --version` and
 * `postlude inspect` of a small report beside `node -e 0`, in turn; then lets `postlude serve` on PostgreSQL
 * idle, and measures its memory, its work, and the queries that it sends. The package is built first, since
 * users run what is built.
 *
 *     npm run bench -- start [--rounds 15] [--seconds 60] [--unsafe-fast] [--json]
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@postlude/queue/foundations';
import { CommandLine } from '../scripts/command-line.ts';
import { SERVER_OPTIONS, startBenchServer } from './conditions/bench-server.ts';
import { BUILT_ENV, BUILT_MAIN, buildPackage } from './conditions/built-package.ts';
import { readConditions } from './conditions/conditions.ts';
import { countQueries, queriesBetween, STATEMENT_STATISTICS } from './conditions/query-counts.ts';
import { Served } from './overload/served.ts';
import { inRounds, medians } from './rounds/rounds.ts';
import { ratio } from './rounds/statistics.ts';

const line = new CommandLine({
  command: 'npm run bench -- start',
  options: {
    rounds: { type: 'string', default: '15' },
    seconds: { type: 'string', default: '60' },
    ...SERVER_OPTIONS,
  },
});
const SECONDS = line.count('seconds');
/** What a server does once, after it has started, is over by then. */
const SETTLE_MS = 5_000;

const folder = mkdtempSync(join(tmpdir(), 'postlude-bench-'));
const server = await startBenchServer(line.values, STATEMENT_STATISTICS);
try {
  buildPackage();
  const starts = await measureStarts();
  await report(starts, await measureIdle());
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}

/** Returns the median milliseconds of each command. */
async function measureStarts(): Promise<Readonly<Record<string, number>>> {
  const small = join(folder, 'small.xml');
  writeFileSync(
    small,
    '<testsuite name="cart"><testcase classname="cart" name="adds"/></testsuite>',
  );
  const commands = [
    { name: 'node', args: ['-e', '0'] },
    { name: 'version', args: [BUILT_MAIN, '--version'] },
    { name: 'inspect', args: [BUILT_MAIN, 'inspect', small] },
  ];
  return medians(await inRounds(line.count('rounds'), commands, async ({ args }) => run(args)));
}

function run(args: readonly string[]): number {
  const startedAt = performance.now();
  const { status } = spawnSync(process.execPath, args, { stdio: 'ignore', env: BUILT_ENV });
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}`);
  return Math.round((performance.now() - startedAt) * 10) / 10;
}

async function measureIdle() {
  const served = await Served.startBuilt(BUILT_MAIN, ['--database', server.url]);
  try {
    await systemClock.sleep(SETTLE_MS);
    const before = { queries: await countQueries(server.url), cpuMs: served.cpuMs() };
    await systemClock.sleep(SECONDS * 1000);
    const cpuMs = served.cpuMs() - before.cpuMs;
    const queries = queriesBetween(before.queries, await countQueries(server.url));
    const calls = queries.reduce((sum, { calls }) => sum + calls, 0);
    return {
      idle_mb: served.memoryMb('VmRSS'),
      idle_queries_per_minute: Math.round((calls * 60) / SECONDS),
      /** Of one processor. */
      idle_cpu_percent: Math.round(cpuMs / SECONDS) / 10,
      queries,
    };
  } finally {
    await served.stop();
  }
}

async function report(
  starts: Readonly<Record<string, number>>,
  { queries, ...idle }: Awaited<ReturnType<typeof measureIdle>>,
): Promise<void> {
  const limit = 1.5 * (starts.node ?? 0) + 60;
  console.log(
    JSON.stringify({
      bench: 'start',
      ratios: {
        version_over_node: ratio(starts.version, starts.node),
        inspect_over_node: ratio(starts.inspect, starts.node),
        version_over_limit: ratio(starts.version, limit),
        inspect_over_limit: ratio(starts.inspect, limit),
        ...idle,
      },
      milliseconds: { ...starts, limit },
      idle_seconds: SECONDS,
      idle_queries: queries,
      conditions: await readConditions(server.url),
    }),
  );
}
