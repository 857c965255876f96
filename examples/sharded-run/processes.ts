/** Child processes of the demo: the server and one `postlude` for each shard, as separate as in CI. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const main = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts');

export interface Started {
  readonly child: ChildProcess;
  /** Everything it has printed so far, and all of it once `ended` resolves. */
  readonly output: () => string;
  readonly ended: Promise<number>;
}

export function startPostlude(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Started {
  const child = spawn(process.execPath, [main, ...args], {
    // A group of its own, so that a shard's machine can be "lost" with all that runs on it.
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

/** Runs one command to its end; answers what it printed. Throws unless it ends with 0. */
export async function postlude(
  args: readonly string[],
  env?: Readonly<Record<string, string>>,
): Promise<string> {
  const started = startPostlude(args, env);
  const code = await started.ended;
  if (code !== 0)
    throw new Error(`postlude ${args.join(' ')} ended with ${code}:\n${started.output()}`);
  return started.output().trim();
}

/** Resolves with the first line of a stream in which `pattern` is found. */
export async function lineWith(started: Started, pattern: RegExp): Promise<RegExpExecArray> {
  const { stdout } = started.child;
  if (stdout === null) throw new Error('the process has no output to read');
  for await (const line of createInterface({ input: stdout })) {
    const match = pattern.exec(line);
    if (match) return match;
  }
  throw new Error(`the process ended without a line like ${pattern}:\n${started.output()}`);
}

export function isRunning({ child }: Started): boolean {
  return child.exitCode === null && child.signalCode === null;
}

/** What losing a machine looks like: nothing on it gets a chance to say goodbye. */
export function killMachine({ child }: Started): void {
  if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
}
