/** One command in a process of its own; it is gone when the test ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export class CliProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  readonly #text = { out: '', err: '' };
  readonly #waiting = new Set<() => void>();

  constructor(folder: string, argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.child = spawn(process.execPath, [MAIN, ...argv], {
      cwd: folder,
      env: { PATH: process.env.PATH, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.on('data', (data) => this.#add('out', String(data)));
    this.child.stderr?.on('data', (data) => this.#add('err', String(data)));
    this.ended = new Promise((resolve) => {
      this.child.once('close', (code) => resolve({ code, ...this.#text }));
    });
    onTestFinished(async () => {
      this.child.kill('SIGKILL');
      await this.ended;
    });
  }

  /** What `pattern` captures, once standard output or standard error has it. */
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
