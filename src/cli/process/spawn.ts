/**
 * Runs the command that `record` wraps, with our streams, and passes our signals on to it.
 *
 * CI runners signal only the process that they started, and npm, make and shells do not pass signals on. So
 * the command runs in its own process group, and the whole group is signalled. At a terminal it stays in our
 * group: the terminal sends SIGINT to the whole group, so we do not send it again, as test runners take a
 * second one as a request to end without a report. No user sits at the terminals that CI systems emulate.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { CliError, EXIT } from '../context.ts';
import { launchOf } from './launch.ts';

export interface SpawnOptions {
  readonly command: readonly [string, ...string[]];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The stream of ours that receives the command's standard output. */
  readonly stdout: 'stdout' | 'stderr';
  /** When it aborts, its reason is sent to the command as a signal; we wait until the command has ended. */
  readonly signal: AbortSignal;
  /** When it aborts, the command and everything that it has started are killed. */
  readonly forced: AbortSignal;
  /** True if a user sits at our terminal: see `isAtTerminal`. */
  readonly atTerminal: boolean;
}

/** How a command ended: its exit code, or 128 + the signal's number, as in shells. */
export interface CommandEnd {
  readonly exitCode: number;
  readonly killedBy?: NodeJS.Signals;
}

export async function runCommand(options: SpawnOptions): Promise<CommandEnd> {
  const {
    args,
    file,
    isVerbatim = false,
  } = launchOf(options.command, {
    platform: process.platform,
    cwd: options.cwd,
    env: options.env,
    exists: existsSync,
  });
  const hasOwnGroup = process.platform !== 'win32' && !options.atTerminal;
  const child = spawn(file, args, {
    cwd: options.cwd,
    env: { ...options.env },
    stdio: ['inherit', options.stdout === 'stdout' ? 1 : 2, 2],
    detached: hasOwnGroup,
    windowsVerbatimArguments: isVerbatim,
  });
  const stop = (): void => {
    const signal = signalOf(options.signal);
    if (hasOwnGroup || signal !== 'SIGINT') signalAll(child, hasOwnGroup, signal);
  };
  const kill = (): void => signalAll(child, hasOwnGroup, 'SIGKILL');
  options.signal.addEventListener('abort', stop, { once: true });
  options.forced.addEventListener('abort', kill, { once: true });
  if (options.signal.aborted) stop();
  try {
    return await new Promise<CommandEnd>((resolve, reject) => {
      child.once('error', (error: NodeJS.ErrnoException) =>
        reject(cannotStart(options.command[0], error)),
      );
      child.once('exit', (code, killedBy) => resolve(toCommandEnd(code, killedBy)));
    });
  } finally {
    options.signal.removeEventListener('abort', stop);
    options.forced.removeEventListener('abort', kill);
  }
}

/** True if a user may press Ctrl-C at the terminal. CI systems that provide a terminal set `CI`. */
export function isAtTerminal({ CI }: Readonly<Record<string, string | undefined>>): boolean {
  return process.stdin.isTTY === true && (CI === undefined || CI === '' || CI === 'false');
}

/** Returns the process signal that is the reason of the abort, or SIGTERM if the reason is another. */
export function signalOf({ reason }: AbortSignal): 'SIGINT' | 'SIGTERM' {
  return reason === 'SIGINT' ? reason : 'SIGTERM';
}

/** Returns the exit code that shells report for a process that a signal has ended. */
export function exitCodeOfSignal(signal: NodeJS.Signals): number {
  return 128 + (constants.signals[signal] ?? 0);
}

function signalAll(child: ChildProcess, hasOwnGroup: boolean, signal: NodeJS.Signals): void {
  if (!hasOwnGroup || child.pid === undefined) {
    child.kill(signal);
    return;
  }
  try {
    process.kill(-child.pid, signal);
  } catch {
    child.kill(signal); // the group is gone, or we may not signal it
  }
}

function toCommandEnd(code: number | null, killedBy: NodeJS.Signals | null): CommandEnd {
  if (killedBy === null) return { exitCode: code ?? EXIT.error };
  return { exitCode: exitCodeOfSignal(killedBy), killedBy };
}

function cannotStart(file: string, error: NodeJS.ErrnoException): CliError {
  const reason = error.code === 'ENOENT' ? 'command not found' : error.message;
  return new CliError(`cannot run ${file}: ${reason}`, EXIT.commandNotFound, { cause: error });
}
