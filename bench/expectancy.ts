/**
 * What do equal queries by `expectancy` cost that arrive at once? Measures, on PostgreSQL, the peak of
 * the resident set over the idle size of a process, the time, and the reads, of five callers that each
 * ask for the first page of a run all of whose results are unexpected, and then of one more.
 *
 *     npm run bench -- expectancy [--results 100000] [--callers 5]
 */
import { execFileSync } from 'node:child_process';
import { openPostgres } from '@postlude/queue/postgres';
import type { Database } from '@postlude/queue/storage';
import { CommandLine } from '../scripts/command-line.ts';
import { parseInvocationId } from '../src/invocations/id.ts';
import { insertInvocations } from '../src/invocations/invocations.ts';
import { POSTLUDE_MIGRATIONS } from '../src/migrations/migrations.ts';
import type { NewTestResult } from '../src/results/test-result.ts';
import { recordTestResults, testResultsPage } from '../src/results/test-results.ts';
import { ReachableSets, type Root } from '../src/services/resultdb/reachable-sets.ts';
import { SERVER_OPTIONS, startBenchServer } from './conditions/bench-server.ts';
import { readConditions } from './conditions/conditions.ts';

const BATCH = 5_000;
const id = parseInvocationId('run');
const EXPECTANCY = { expectancy: 'VARIANTS_WITH_UNEXPECTED_RESULTS' } as const;

interface Measurement {
  readonly seconds: number;
  readonly secondsOfNext: number;
  readonly reads: number;
  readonly overIdleMb: number;
}

const { values } = new CommandLine({
  command: 'npm run bench -- expectancy',
  options: {
    results: { type: 'string', default: '100000' },
    callers: { type: 'string', default: '5' },
    /** Set in the process that measures: the server of the results. */
    from: { type: 'string' },
    ...SERVER_OPTIONS,
  },
});
const [results, callers] = [Number(values.results), Number(values.callers)];
if (values.from) console.log(JSON.stringify(await measure(values.from)));
else await compare();

async function compare(): Promise<void> {
  const server = await startBenchServer(values);
  try {
    await fill(server.url);
    const args = ['--results', values.results, '--callers', values.callers, '--from', server.url];
    const flags = ['--max-semi-space-size=16', '--expose-gc'];
    const output = execFileSync(process.execPath, [...flags, import.meta.filename, ...args]);
    const measured = JSON.parse(output.toString()) as Measurement;
    if (!values.json) {
      console.log(`${callers} callers, ${results} results: ${measured.seconds.toFixed(1)} s,`);
      console.log(`  ${measured.overIdleMb} MB over idle, ${measured.reads} reads,`);
      console.log(`  and ${measured.secondsOfNext.toFixed(2)} s for the next caller`);
    }
    console.log(
      JSON.stringify({
        bench: 'expectancy',
        results,
        callers,
        seconds: measured.seconds,
        seconds_of_next: measured.secondsOfNext,
        reads: measured.reads,
        over_idle_mb: measured.overIdleMb,
        ratios: { next_to_first: measured.secondsOfNext / measured.seconds },
        conditions: await readConditions(server.url),
      }),
    );
  } finally {
    await server.stop();
  }
}

function openDatabase(url: string): Promise<Database> {
  return openPostgres({ url, schema: 'bench', migrations: [POSTLUDE_MIGRATIONS] });
}

async function fill(url: string): Promise<void> {
  const db = await openDatabase(url);
  await db.migrate();
  const time = Date.now();
  const invocation = { id, realm: 'p:r', createTime: time, deadline: time, expirationTime: time };
  await db.write((tx) => insertInvocations(tx, [invocation]));
  for (let at = 0; at < results; at += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, results - at) }, (_, index) =>
      failure(at + index),
    );
    await db.write((tx) => recordTestResults(tx, id, batch));
  }
  await db.close();
}

function failure(index: number): NewTestResult {
  const testId = `ninja://chrome/test:browser_tests/Suite.Test${index}`;
  const variant = { os: 'linux', builder: 'rel' };
  return { testId, resultId: 'r1', variant, expected: false, status: 'FAIL', summaryHtml: '' };
}

async function measure(url: string): Promise<Measurement> {
  const db = await openDatabase(url);
  let reads = 0;
  const counted = {
    read: (...args: Parameters<Database['read']>) => {
      reads++;
      return db.read(...args);
    },
  } as Database;
  const sets = new ReachableSets(counted);
  const root: Root = { id, createTime: 0, state: 'FINALIZED' };
  const page = async (): Promise<void> => {
    const set = await sets.read([root], EXPECTANCY, new AbortController().signal);
    const request = { ...set, limit: 1000 };
    const { items } = await testResultsPage(counted, request);
    if (items.length === 0) throw new Error('the page is empty');
  };
  await testResultsPage(db, { rowIds: [], limit: 1 });
  globalThis.gc?.();
  const idle = process.memoryUsage.rss();
  let peak = idle;
  const sampling = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 5);
  const begun = performance.now();
  await Promise.all(Array.from({ length: callers }, page));
  const ended = performance.now();
  await page();
  clearInterval(sampling);
  const next = performance.now();
  await db.close();
  return {
    seconds: (ended - begun) / 1000,
    secondsOfNext: (next - ended) / 1000,
    reads,
    overIdleMb: Math.round((peak - idle) / 1e6),
  };
}
