/** A server and a client that uploads to it, each a process of its own whose memory is watched. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { BUILT_ENV, BUILT_MAIN } from '../conditions/built-package.ts';

export interface Uploaded {
  readonly results: number;
  readonly perSecond: number;
  readonly clientPeakMb: number;
  readonly serverGrowthMb: number;
  /** Microseconds of processor time for each result, with the start of the client. */
  readonly clientCpuMicros: number;
  readonly serverCpuMicros: number;
}

type OfClient = Omit<Uploaded, 'serverGrowthMb' | 'serverCpuMicros'>;

export interface UploadServer {
  readonly idleMb: number;
  /** Creates an invocation, and uploads the report to it. */
  upload(report: string, id: string): Promise<Uploaded>;
  stop(): Promise<void>;
}

/** `folder` takes exports, of which there are none. */
export async function startUploadServer(database: string, folder: string): Promise<UploadServer> {
  const listen = ['--listen', '127.0.0.1:0'];
  const server = start(['serve', ...listen, '--database', database, '--export-dir', folder]);
  const address = await firstMatch(server, /http:\/\/127\.0\.0\.1:\d+/);
  const idleMb = memoryMb(server, 'VmRSS');
  return {
    idleMb,
    async upload(report, id) {
      await run(['create', id, '--server', address]);
      resetPeak(server);
      const cpuBefore = cpuMicros(server);
      const ofClient = await upload(report, id, address);
      const serverCpuMicros = (cpuMicros(server) - cpuBefore) / ofClient.results;
      return { ...ofClient, serverCpuMicros, serverGrowthMb: memoryMb(server, 'VmHWM') - idleMb };
    },
    async stop() {
      server.kill('SIGTERM');
      await once(server, 'exit');
    },
  };
}

async function upload(report: string, id: string, address: string): Promise<OfClient> {
  const startedAt = performance.now();
  const client = start(['upload', report, '--invocation', id, '--json', '--server', address]);
  const watched = watch(client);
  const summary = JSON.parse(await outputOf(client)) as { results: number; complete: boolean };
  const seconds = (performance.now() - startedAt) / 1000;
  if (!summary.complete) throw new Error('the report was not uploaded completely');
  const { results } = summary;
  const { peakMb, cpu } = watched.stop();
  return {
    results,
    perSecond: results / seconds,
    clientPeakMb: peakMb,
    clientCpuMicros: cpu / results,
  };
}

function start(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [BUILT_MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: BUILT_ENV,
  });
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

/** The kernel forgets a process when it ends, so it is asked continually. */
function watch(child: ChildProcess): { stop(): { readonly peakMb: number; readonly cpu: number } } {
  let [peakMb, cpu] = [0, 0];
  const timer = setInterval(() => {
    peakMb = Math.max(peakMb, memoryMb(child, 'VmHWM'));
    cpu = Math.max(cpu, cpuMicros(child));
  }, 50);
  return {
    stop() {
      clearInterval(timer);
      return { peakMb, cpu };
    },
  };
}

/** Linux counts in hundredths of a second: see proc(5). */
function cpuMicros({ pid }: ChildProcess): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) * 10_000;
  } catch {
    return 0; // the process has just ended
  }
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
