/** One of the servers of a fault run: the parent kills it and starts it again at the same port. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Chunk, ServerMessage, TqServerOptions } from './tq-effects.ts';

interface Unsettled {
  readonly chunk: Chunk;
  readonly settle: () => void;
  readonly fail: (error: Error) => void;
}

export class TqServerProcess {
  readonly #options: TqServerOptions;
  readonly #onSwept: (count: number) => void;
  /** The chunks sent to the current process and not settled; they are sent again to its successor. */
  #unsettled: Unsettled[] = [];
  #child: ChildProcess | undefined;

  constructor(options: TqServerOptions, onSwept: (count: number) => void) {
    this.#options = options;
    this.#onSwept = onSwept;
  }

  async start(): Promise<void> {
    const script = join(import.meta.dirname, 'tq-server.ts');
    const child = fork(script, [JSON.stringify(this.#options)], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const ended = once(child, 'exit').then(() => {
      throw new Error('a server ended before it was ready');
    });
    await Promise.race([once(child, 'message'), ended]);
    child.on('message', (message: ServerMessage) => this.#take(message));
    child.once('exit', (code) => {
      // A killed process has no code.
      if (code !== null) this.#failAll(new Error(`a server ended by itself, with ${code}`));
    });
    this.#child = child;
    for (const { chunk } of this.#unsettled) child.send(chunk);
  }

  /** Resolves once the chunk's transaction has ended, even if in another process. */
  async add(chunk: Chunk): Promise<void> {
    await new Promise<void>((settle, fail) => {
      this.#unsettled.push({ chunk, settle, fail });
      this.#child?.send(chunk);
    });
  }

  async killAndRestart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Kills the process with SIGKILL. */
  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  #failAll(error: Error): void {
    for (const { fail } of this.#unsettled) fail(error);
  }

  #take(message: ServerMessage): void {
    if (message.kind === 'swept') this.#onSwept(message.count);
    if (message.kind !== 'settled') return;
    const settled = this.#unsettled.find(({ chunk }) => chunk.id === message.id);
    this.#unsettled = this.#unsettled.filter((other) => other !== settled);
    settled?.settle();
  }
}
