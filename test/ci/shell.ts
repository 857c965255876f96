/** A script that a simulated CI runner has started, in a process group of its own, with its output. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { JobLog } from './job-log.ts';

export interface ShellOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly log: JobLog;
}

export class Shell {
  readonly #child: ChildProcess;
  /**
   * Its exit code, which is 128 + n after signal n. It resolves after all processes that hold its output
   * have ended as well, as runners wait for both.
   */
  readonly ended: Promise<number>;

  constructor([file, ...args]: readonly [string, ...string[]], options: ShellOptions) {
    const { cwd, env, log } = options;
    const stdio = ['ignore', 'pipe', 'pipe'] as const;
    this.#child = spawn(file, args, { cwd, env, stdio: [...stdio], detached: true });
    this.#child.stdout?.on('data', (data) => log.add(String(data)));
    this.#child.stderr?.on('data', (data) => log.add(String(data)));
    this.ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', (code, signal) => {
        resolve(code ?? 128 + (signal === null ? 0 : (constants.signals[signal] ?? 0)));
      });
    });
  }

  /** Signals only the process that was started. */
  signalEntry(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  signalGroup(signal: NodeJS.Signals): void {
    send(-this.#pid, signal);
  }

  /** Signals all its descendants, including those in process groups of their own. */
  signalTree(signal: NodeJS.Signals): void {
    for (const pid of descendants(this.#pid)) send(pid, signal);
  }

  get #pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error('it was not started');
    return pid;
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has already ended.
  }
}

/** Returns `root` and its descendants, the youngest first. */
function descendants(root: number): number[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).split('\n');
  const children = new Map<number, number[]>();
  for (const line of lines) {
    const [pid = 0, parent = 0] = line.trim().split(/\s+/).map(Number);
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const found = [root];
  for (const pid of found) found.push(...(children.get(pid) ?? []));
  return found.reverse();
}
