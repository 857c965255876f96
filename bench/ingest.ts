/**
 * How fast is a report of 200,000 cases uploaded, and how much memory does that take? The server and the
 * client are separate processes, on the embedded database and on PostgreSQL. It runs on Linux only, as peaks
 * are read from /proc.
 *
 *     npm run bench -- ingest [--report big.xml] [--cases 200000] [--databases pglite,postgres]
 *       [--unsafe-fast] [--json]
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { CommandLine } from '../scripts/command-line.ts';
import { SERVER_OPTIONS, startBenchServer } from './conditions/bench-server.ts';
import { writeBigReport } from './conditions/big-report.ts';
import { type Conditions, readConditions } from './conditions/conditions.ts';

const line = new CommandLine({
  command: 'npm run bench -- ingest',
  options: {
    report: { type: 'string' },
    cases: { type: 'string', default: '200000' },
    databases: { type: 'string', default: 'pglite,postgres' },
    ...SERVER_OPTIONS,
  },
});
const { values } = line;

const main = join(import.meta.dirname, '..', 'src', 'cli', 'main.ts');
const folder = mkdtempSync(join(tmpdir(), 'postlude-bench-'));
const note = (text: string): void => console.error(text);

interface Measured {
  readonly cases: number;
  readonly cases_per_second: number;
  readonly client_peak_mb: number;
  readonly server_idle_mb: number;
  readonly server_growth_mb: number;
}

try {
  const report = values.report ?? join(folder, 'big.xml');
  if (!existsSync(report)) writeBigReport(report, line.count('cases'));
  const results: Record<string, Measured> = {};
  let conditions: Conditions | undefined;
  for (const database of line.list('databases', ['pglite', 'postgres'])) {
    const postgres = database === 'postgres' ? await startBenchServer(values) : undefined;
    try {
      results[database] = await measure(postgres?.url ?? `pglite:${join(folder, 'data')}`, report);
      if (postgres || !conditions) conditions = await readConditions(postgres?.url);
    } finally {
      await postgres?.stop();
    }
    note(`${database}: ${JSON.stringify(results[database])}`);
  }
  const { pglite, postgres } = results;
  console.log(
    JSON.stringify({
      bench: 'ingest',
      ratios:
        pglite && postgres
          ? { postgres_over_pglite: round2(postgres.cases_per_second / pglite.cases_per_second) }
          : {},
      ...results,
      conditions,
    }),
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function measure(url: string, report: string): Promise<Measured> {
  const server = start([
    'serve',
    '--listen',
    '127.0.0.1:0',
    '--database',
    url,
    '--export-dir',
    folder,
  ]);
  try {
    const address = await firstMatch(server, /http:\/\/127\.0\.0\.1:\d+/);
    await run(['create', 'big', '--server', address]);
    const idleMb = memoryMb(server, 'VmRSS');
    resetPeak(server);
    const startedAt = performance.now();
    const client = start(['upload', report, '--invocation', 'big', '--json', '--server', address]);
    const peak = watchPeak(client);
    const summary = JSON.parse(await outputOf(client)) as { results: number; complete: boolean };
    const seconds = (performance.now() - startedAt) / 1000;
    if (!summary.complete) throw new Error('the report was not uploaded completely');
    return {
      cases: summary.results,
      cases_per_second: Math.round(summary.results / seconds),
      client_peak_mb: peak.stop(),
      server_idle_mb: idleMb,
      server_growth_mb: memoryMb(server, 'VmHWM') - idleMb,
    };
  } finally {
    server.kill('SIGTERM');
    await once(server, 'exit');
  }
}

function start(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
}

async function run(args: readonly string[]): Promise<void> {
  const child = start(args);
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`postlude ${args.join(' ')} ended with ${code}`);
}

async function firstMatch(child: ChildProcess, pattern: RegExp): Promise<string> {
  if (child.stdout === null) throw new Error('no output to read');
  for await (const line of createInterface({ input: child.stdout })) {
    const match = pattern.exec(line);
    if (match) return match[0];
  }
  throw new Error('the server did not start');
}

async function outputOf(child: ChildProcess): Promise<string> {
  let text = '';
  child.stdout?.on('data', (data) => {
    text += String(data);
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`the upload ended with ${code}`);
  return text;
}

/** The kernel forgets the peak when the process ends, so it is read continually. */
function watchPeak(child: ChildProcess): { stop(): number } {
  let peak = 0;
  const timer = setInterval(() => {
    if (child.exitCode === null) peak = Math.max(peak, memoryMb(child, 'VmHWM'));
  }, 50);
  return {
    stop() {
      clearInterval(timer);
      return peak;
    },
  };
}

/** Resets the kernel's peak, so that it is that of the work and not of the start. */
function resetPeak({ pid }: ChildProcess): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

/** In units of 10^6 bytes. */
function memoryMb({ pid }: ChildProcess, field: 'VmRSS' | 'VmHWM'): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const kilobytes = Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1] ?? 0);
    return Math.round((kilobytes * 1024) / 1e6);
  } catch {
    return 0; // the process has just ended
  }
}

function round2(ratio: number): number {
  return Math.round(ratio * 100) / 100;
}
