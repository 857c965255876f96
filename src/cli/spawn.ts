/**
 * Runs the command that `record` wraps: its streams are ours, and it ends when we are told to.
 *
 * Only the command itself gets the signal, as npm has it. What it started is in our process group:
 * terminals, CI runners and `timeout` signal the whole group, or end all with the container. A group
 * of its own would let us signal it as a whole, but it would outlive us where we are killed, and
 * lose the terminal.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { CliError, EXIT } from './context.ts';

export interface SpawnOptions {
  readonly command: readonly [string, ...string[]];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where its standard output goes: to ours, or to our standard error. */
  readonly stdout: 'stdout' | 'stderr';
  /** When it aborts, the command gets SIGTERM; we go on waiting until it has ended. */
  readonly signal: AbortSignal;
}

/** How a command ended: its exit code, or 128 + the signal's number, as shells have it. */
export interface CommandEnd {
  readonly exitCode: number;
  readonly killedBy?: NodeJS.Signals;
}

export async function runCommand(options: SpawnOptions): Promise<CommandEnd> {
  const [file, ...args] = options.command;
  const child = spawn(file, args, {
    cwd: options.cwd,
    env: { ...options.env },
    stdio: ['inherit', options.stdout === 'stdout' ? 1 : 2, 2],
  });
  const stop = (): void => {
    child.kill('SIGTERM');
  };
  options.signal.addEventListener('abort', stop, { once: true });
  if (options.signal.aborted) stop();
  try {
    return await new Promise<CommandEnd>((resolve, reject) => {
      child.once('error', (error: NodeJS.ErrnoException) => reject(cannotStart(file, error)));
      child.once('exit', (code, killedBy) => resolve(toCommandEnd(code, killedBy)));
    });
  } finally {
    options.signal.removeEventListener('abort', stop);
  }
}

function toCommandEnd(code: number | null, killedBy: NodeJS.Signals | null): CommandEnd {
  if (killedBy === null) return { exitCode: code ?? EXIT.error };
  return { exitCode: 128 + (constants.signals[killedBy] ?? 0), killedBy };
}

function cannotStart(file: string, error: NodeJS.ErrnoException): CliError {
  const reason = error.code === 'ENOENT' ? 'command not found' : error.message;
  return new CliError(`cannot run ${file}: ${reason}`, EXIT.commandNotFound, { cause: error });
}
