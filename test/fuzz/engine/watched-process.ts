/**
 * A process that is watched: if an input is tried for longer than its bound, or takes more memory than the
 * process may have, the process ends, that input has its verdict, and the next job starts a new process. It is
 * no thread, because V8 may abort the whole process if the heap of one of its threads is full.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Verdict } from './trial.ts';
import type { Job, JobResult } from './trials.ts';

export interface WatchOptions {
  /** No input takes longer; the clock is the wall's, since a promise that never settles takes no other. */
  readonly hangMs: number;
  /** The heap of the process. */
  readonly memoryMb: number;
}

export const DEFAULT_WATCH: WatchOptions = { hangMs: 20_000, memoryMb: 256 };

const LOOKS_PER_BOUND = 10;

interface Started {
  readonly child: ChildProcess;
  /** The errors that it wrote until its end. */
  readonly errors: Promise<string>;
}

export class WatchedProcess {
  readonly #target: string;
  readonly #options: WatchOptions;
  readonly #folder = mkdtempSync(join(tmpdir(), 'postlude-fuzz-'));
  readonly #progressPath = join(this.#folder, 'progress');
  readonly #progress: number;
  #started: Started | undefined;

  constructor(target: string, options: WatchOptions = DEFAULT_WATCH) {
    this.#target = target;
    this.#options = options;
    writeFileSync(this.#progressPath, Buffer.alloc(4));
    this.#progress = openSync(this.#progressPath, 'r');
  }

  async run(job: Job): Promise<JobResult> {
    this.#started ??= await this.#start();
    const { child, errors } = this.#started;
    const first = 'from' in job ? job.from : 0;
    const settled = new AbortController();
    child.send(job);
    const ended = await Promise.race([
      once(child, 'message', settled).then(([message]) => message as JobResult),
      once(child, 'exit', settled).then(async () => this.#verdictOfErrors(await errors)),
      this.#hang(settled.signal),
    ]).finally(() => settled.abort());
    if (!('kind' in ended)) return ended;
    await this.#end();
    const tried = 'from' in job ? this.#lookAtProgress() - first + 1 : 1;
    return { tried, verdict: ended };
  }

  async close(): Promise<void> {
    await this.#end();
    closeSync(this.#progress);
    rmSync(this.#folder, { recursive: true });
  }

  async #start(): Promise<Started> {
    const child = fork(join(import.meta.dirname, 'trials.ts'), [this.#target, this.#progressPath], {
      execArgv: [...process.execArgv, `--max-old-space-size=${this.#options.memoryMb}`],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    const errors = child.stderr ? text(child.stderr) : Promise.resolve('');
    const loaded = await Promise.race([once(child, 'message'), once(child, 'exit')]);
    if (loaded[0] !== 'ready') throw new Error(`the target does not load: ${await errors}`);
    return { child, errors };
  }

  async #end(): Promise<void> {
    const started = this.#started;
    this.#started = undefined;
    if (!started) return;
    started.child.kill('SIGKILL');
    await started.errors;
  }

  #verdictOfErrors(errors: string): Verdict {
    const { memoryMb } = this.#options;
    if (/out of memory/.test(errors)) {
      return { kind: 'memory', message: `takes more than ${memoryMb} MB` };
    }
    return { kind: 'crash', message: errors };
  }

  #lookAtProgress(): number {
    const index = Buffer.alloc(4);
    readSync(this.#progress, index, 0, index.length, 0);
    return index.readUInt32LE();
  }

  /** Resolves once the process has been at one input for longer than the bound. */
  #hang(signal: AbortSignal): Promise<Verdict> {
    const { hangMs } = this.#options;
    return new Promise((resolve) => {
      let [index, looks] = [-1, 0];
      const timer = setInterval(() => {
        const now = this.#lookAtProgress();
        looks = now === index ? looks + 1 : 0;
        index = now;
        if (looks < LOOKS_PER_BOUND) return;
        resolve({ kind: 'hang', message: `takes longer than ${hangMs} ms` });
      }, hangMs / LOOKS_PER_BOUND);
      signal.addEventListener('abort', () => clearInterval(timer));
    });
  }
}
