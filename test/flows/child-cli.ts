/** Runs one command in its own process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Short commands spend most of their time on compilation. */
const COMPILE_CACHE = join(tmpdir(), 'postlude-compile-cache');
/** What Node.js is given to run the command line from its sources, whatever NODE_OPTIONS says. */
export const CLI_ARGS: readonly string[] = [
  '--conditions=postlude-source',
  join(import.meta.dirname, '../../src/cli/main.ts'),
];

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export class ChildCli {
  readonly child: ChildProcess;
  /** Resolves once the output has ended as well; processes that the command started may hold it open. */
  readonly ended: Promise<Ended>;
  readonly exited: Promise<void>;
  readonly #text = { out: '', err: '' };
  readonly #waiting = new Set<() => void>();

  constructor(folder: string, argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.child = spawn(process.execPath, [...CLI_ARGS, ...argv], {
      cwd: folder,
      env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: COMPILE_CACHE, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.on('data', (data) => this.#add('out', String(data)));
    this.child.stderr?.on('data', (data) => this.#add('err', String(data)));
    this.exited = new Promise((resolve) => this.child.once('exit', () => resolve()));
    this.ended = new Promise((resolve) => {
      this.child.once('close', (code) => resolve({ code, ...this.#text }));
    });
  }

  /** Kills the command if it still runs. */
  async end(): Promise<void> {
    this.child.kill('SIGKILL');
    if (this.child.exitCode === null && this.child.signalCode === null) await this.exited;
    this.child.stdout?.destroy();
    this.child.stderr?.destroy();
  }

  /** Resolves to what `pattern` captures once it occurs in standard output or standard error. */
  async printed(pattern: RegExp): Promise<string> {
    const found = new Promise<string>((resolve) => {
      const look = (): void => {
        const match = pattern.exec(`${this.#text.out}\n${this.#text.err}`);
        if (match) resolve(match[1] ?? match[0]);
      };
      this.#waiting.add(look);
      look();
    });
    const early = this.ended.then(({ code, out, err }) => {
      throw new Error(`ended with ${code} before it printed ${pattern}:\n${out}${err}`);
    });
    return await Promise.race([found, early]);
  }

  #add(to: 'out' | 'err', text: string): void {
    this.#text[to] += text;
    for (const look of this.#waiting) look();
  }
}
