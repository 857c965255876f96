/**
 * Runs the command that `record` wraps: its streams are ours, and it gets the signals that we get.
 *
 * CI runners signal the process that they started, and npm, make and shells pass nothing on. So the
 * command runs in a process group of its own, and the whole group is signalled. At a terminal it stays in
 * ours: the terminal sends SIGINT to that as a whole, so it is not sent again: runners take a second one
 * as the wish to end without a report. Terminals that CI systems make up have nobody at them.
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
  /** Where its standard output goes: to ours, or to our standard error. */
  readonly stdout: 'stdout' | 'stderr';
  /** When it aborts, the command gets the signal that is its reason; we wait until it has ended. */
  readonly signal: AbortSignal;
  /** When it aborts, the command is killed, with all that it has started. */
  readonly forced: AbortSignal;
  /** Somebody sits at the terminal that we run at: see `isAtTerminal`. */
  readonly atTerminal: boolean;
}

/** How a command ended: its exit code, or 128 + the signal's number, as shells have it. */
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
    ...{ platform: process.platform, cwd: options.cwd, env: options.env },
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

/** Whether a person may press Ctrl-C there: CI systems that offer a terminal set `CI`. */
export function isAtTerminal({ CI }: Readonly<Record<string, string | undefined>>): boolean {
  return process.stdin.isTTY === true && (CI === undefined || CI === '' || CI === 'false');
}

/** The signal that aborted, as its reason says: SIGTERM where it says something else. */
export function signalOf({ reason }: AbortSignal): 'SIGINT' | 'SIGTERM' {
  return reason === 'SIGINT' ? reason : 'SIGTERM';
}

/** What shells answer for a process that a signal has ended. */
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
    child.kill(signal); // the group has gone, or is not ours to signal
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
