/** Starts a worker in a process of its own, and reads what it measures. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { PickupName } from './queues.ts';

export class WorkerProcess {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcessByStdio<Writable, Readable, null>) {
    this.#child = child;
    this.#lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  }

  /** Resolves when the worker listens. */
  static async start(name: PickupName, url: string): Promise<WorkerProcess> {
    const file = join(import.meta.dirname, 'worker.ts');
    const child = spawn(process.execPath, [file, name, url], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const worker = new WorkerProcess(child);
    await worker.#next();
    return worker;
  }

  /** Returns how long the next task has waited, in milliseconds. */
  async latency(): Promise<number> {
    return Number(await this.#next());
  }

  async stop(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.stdin.end();
    await exited;
  }

  async #next(): Promise<string> {
    const { done, value } = await this.#lines.next();
    if (done) throw new Error('the worker has ended');
    return value;
  }
}
