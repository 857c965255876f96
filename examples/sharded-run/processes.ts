/** Starts the demo's child processes: the server and one `postlude` for each shard, as separate as in CI. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const main = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts');

export interface Started {
  readonly child: ChildProcess;
  /** Returns everything that it has printed so far. That is complete once `ended` resolves. */
  readonly output: () => string;
  readonly ended: Promise<number>;
}

export function startPostlude(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Started {
  const child = spawn(process.execPath, [main, ...args], {
    // It has its own process group, so that a shard's machine can be "lost" with everything on it.
    detached: true,
    env: { ...process.env, FORCE_COLOR: '0', NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const chunks: string[] = [];
  child.stdout.on('data', (data) => chunks.push(String(data)));
  child.stderr.on('data', (data) => chunks.push(String(data)));
  const ended = once(child, 'close').then(([code]) => (code as number | null) ?? 137);
  return { child, output: () => chunks.join(''), ended };
}

/** Matches what `postlude record` prints once it has created its invocation. */
export const RECORDING = /^recording /m;

/** Resolves once the output of a process matches `pattern`. */
export function printed(started: Started, pattern: RegExp): Promise<RegExpExecArray> {
  const { child, ended, output } = started;
  return new Promise((resolve, reject) => {
    const streams = [child.stdout, child.stderr];
    const look = (): void => {
      const match = pattern.exec(output());
      if (!match) return;
      for (const stream of streams) stream?.off('data', look);
      resolve(match);
    };
    for (const stream of streams) stream?.on('data', look);
    look();
    void ended.then(() => reject(new Error(`it ended without ${pattern}:\n${output()}`)));
  });
}

export function isRunning({ child }: Started): boolean {
  return child.exitCode === null && child.signalCode === null;
}

/**
 * Simulates the loss of a machine: no process on it can say goodbye. `record` gives its command another
 * process group, so this looks for all processes that the two have started.
 */
export function killMachine({ child }: Started): void {
  if (child.pid === undefined) return;
  for (const pid of freeze(child.pid)) send(pid, 'SIGKILL');
}

/** Stops a process and all its descendants first, so that none of them starts another while we look. */
function freeze(root: number): Set<number> {
  const frozen = new Set<number>();
  for (let found = [root]; found.length > 0; ) {
    for (const pid of found) {
      send(pid, 'SIGSTOP');
      frozen.add(pid);
    }
    found = processes()
      .filter(({ pid, parent }) => frozen.has(parent) && !frozen.has(pid))
      .map(({ pid }) => pid);
  }
  return frozen;
}

interface Process {
  readonly pid: number;
  readonly parent: number;
}

/** Lists all running processes, from /proc if it exists, as slim images have no `ps`. */
function processes(): Process[] {
  if (!existsSync('/proc/self/stat')) {
    const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim();
    return lines.split('\n').map((line) => toProcess(line.trim().split(/\s+/)));
  }
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    try {
      // `4711 (any name) S 42 …`
      const [, parent] = /^.*\) \S (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
      return parent === undefined ? [] : [toProcess([pid, parent])];
    } catch {
      return []; // the process has ended meanwhile
    }
  });
}

function toProcess([pid, parent]: readonly string[]): Process {
  return { pid: Number(pid), parent: Number(parent) };
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // The process has already ended.
  }
}
