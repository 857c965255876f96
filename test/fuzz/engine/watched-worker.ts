/**
 * A worker that is watched: if an input is tried for longer than its bound, or takes more memory than the
 * thread may have, the thread ends, that input has its verdict, and the next job starts a new thread.
 */
import { once } from 'node:events';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { FindKind } from './trial.ts';
import type { Job, JobResult, WorkerConfig } from './worker.ts';

export interface WatchOptions {
  /** No input takes longer; the clock is the wall's, since a promise that never settles takes no other. */
  readonly hangMs: number;
  /** The heap of the thread. */
  readonly memoryMb: number;
}

export const DEFAULT_WATCH: WatchOptions = { hangMs: 20_000, memoryMb: 256 };

const LOOKS_PER_BOUND = 10;

export class WatchedWorker {
  readonly #target: string;
  readonly #options: WatchOptions;
  readonly #progress = new Int32Array(new SharedArrayBuffer(4));
  #worker: Worker | undefined;

  constructor(target: string, options: WatchOptions = DEFAULT_WATCH) {
    this.#target = target;
    this.#options = options;
  }

  async run(job: Job): Promise<JobResult> {
    this.#worker ??= await this.#start();
    const first = 'from' in job ? job.from : 0;
    Atomics.store(this.#progress, 0, first);
    const lost = (kind: FindKind, message: string): JobResult => ({
      tried: Atomics.load(this.#progress, 0) - first + 1,
      verdict: { kind, message },
    });
    const { hangMs, memoryMb } = this.#options;
    const end = new AbortController();
    this.#worker.postMessage(job);
    const result = await Promise.race([
      once(this.#worker, 'message', end).then(([message]) => message as JobResult),
      this.#hang(end.signal).then(() => lost('hang', `takes longer than ${hangMs} ms`)),
    ])
      .catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') {
          return lost('memory', `takes more than ${memoryMb} MB`);
        }
        this.#worker = undefined; // An error that nothing caught has ended the thread.
        return lost('crash', String(error.stack));
      })
      .finally(() => end.abort());
    if (result.verdict?.kind === 'hang' || result.verdict?.kind === 'memory') await this.close();
    return result;
  }

  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  async #start(): Promise<Worker> {
    const workerData: WorkerConfig = { target: this.#target, progress: this.#progress };
    const worker = new Worker(join(import.meta.dirname, 'worker.ts'), {
      workerData,
      resourceLimits: { maxOldGenerationSizeMb: this.#options.memoryMb },
    });
    await once(worker, 'message'); // It has loaded its target.
    return worker;
  }

  /** Resolves once the worker has been at one input for longer than the bound. */
  #hang(signal: AbortSignal): Promise<void> {
    const { hangMs } = this.#options;
    return new Promise((resolve) => {
      let [index, looks] = [-1, 0];
      const timer = setInterval(() => {
        const now = Atomics.load(this.#progress, 0);
        looks = now === index ? looks + 1 : 0;
        index = now;
        if (looks >= LOOKS_PER_BOUND) resolve();
      }, hangMs / LOOKS_PER_BOUND);
      signal.addEventListener('abort', () => clearInterval(timer));
    });
  }
}
