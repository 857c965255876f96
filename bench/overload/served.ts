/** A server in a process of its own, and callers that send it batches of results. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Client } from '@connectrpc/connect';
import { systemClock } from '@postlude/queue/foundations';
import type { Recorder } from '../../src/gen/luci/resultdb/v1/recorder_pb.js';
import { TestStatus } from '../../src/gen/luci/resultdb/v1/test_result_pb.js';

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts');

/** Linux counts the time of processes in hundredths of a second. */
const MS_A_TICK = 10;

/** What lets everything in, as servers did before there was any admission. */
export const UNBOUNDED: readonly string[] = [
  ...['--max-writes', '10000', '--max-wait', '1h', '--max-bytes-in-work', '64GiB'],
  ...['--overload-delay', '1m', '--overload-heap', '100'],
];

export class Served {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(child: ChildProcess, url: string, folder: string) {
    this.#child = child;
    this.url = url;
    this.#folder = folder;
  }

  static start(flags: readonly string[], nodeFlags: readonly string[] = []): Promise<Served> {
    return Served.#startFrom([...nodeFlags, '--conditions=postlude-source', MAIN], flags);
  }

  /** Starts the command that was built, as users run it. */
  static startBuilt(main: string, flags: readonly string[]): Promise<Served> {
    return Served.#startFrom([main], flags, { NODE_OPTIONS: '' });
  }

  static async #startFrom(
    command: readonly string[],
    flags: readonly string[],
    variables: Readonly<Record<string, string>> = {},
  ): Promise<Served> {
    const folder = mkdtempSync(join(tmpdir(), 'postlude-bench-'));
    const own = [
      'serve',
      '--listen',
      '127.0.0.1:0',
      '--database',
      'pglite:data',
      '--log-level',
      'error',
    ];
    const child = spawn(process.execPath, [...command, ...own, ...flags], {
      cwd: folder,
      env: { ...process.env, ...variables },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (child.stdout) {
      for await (const line of createInterface(child.stdout)) {
        const url = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0];
        if (url !== undefined) return new Served(child, url, folder);
      }
    }
    throw new Error('the server ended before it listened');
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Reads a number of /proc, so this works on Linux only. */
  memoryMb(field: 'VmRSS' | 'VmHWM'): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    return Math.round(Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) / 1024);
  }

  /** The time of a processor that the process has used, in milliseconds; reads /proc, too. */
  cpuMs(): number {
    const fields = readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ');
    return (Number(fields?.[11]) + Number(fields?.[12])) * MS_A_TICK;
  }

  /** The part of its main thread, exactly. */
  ranMs(): number {
    const { pid } = this.#child;
    const [nanos = ''] = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ');
    return Number(nanos) / 1e6;
  }

  /** Sends SIGTERM. Returns the milliseconds until the process has ended, or the limit, at which it is killed. */
  async terminate(limitMs: number): Promise<number> {
    const startedAt = performance.now();
    if (!this.isAlive) return 0;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const stop = new AbortController();
    const late = systemClock.sleep(limitMs, stop.signal).then(() => this.#child.kill('SIGKILL'));
    await ended;
    const tookMs = performance.now() - startedAt;
    stop.abort();
    await late;
    return tookMs;
  }

  async stop(): Promise<void> {
    if (this.isAlive) {
      this.#child.kill('SIGKILL');
      await once(this.#child, 'exit');
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export interface BatchShape {
  readonly results: number;
  readonly bytesEach: number;
}

/** A caller of its own realm, with an invocation that takes results. */
export interface OpenedCaller {
  readonly token: string;
  readonly batch: {
    readonly invocation: string;
    readonly requests: readonly { readonly testResult: BatchResult }[];
  };
}

export interface BatchResult {
  readonly testId: string;
  readonly resultId: string;
  readonly expected: boolean;
  readonly status: TestStatus;
  readonly summaryHtml: string;
}

export async function openCaller(
  recorder: Client<typeof Recorder>,
  name: string,
  { bytesEach, results }: BatchShape,
): Promise<OpenedCaller> {
  let token = '';
  await recorder.createInvocation(
    { invocationId: name, invocation: { realm: `bench:${name}` } },
    { onHeader: (header) => (token = header.get('update-token') ?? '') },
  );
  const summaryHtml = 'x'.repeat(bytesEach);
  const requests = Array.from({ length: results }, (_, index) => ({
    testResult: {
      testId: String(index),
      resultId: '1',
      expected: true,
      status: TestStatus.PASS,
      summaryHtml,
    },
  }));
  return { token, batch: { invocation: `invocations/${name}`, requests } };
}
