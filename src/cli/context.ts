/** What a command may touch of the world: its streams, its environment, time. Tests pass their own. */
import type { Writable } from 'node:stream';
import type { Clock } from '../clock.ts';

export interface OutputStream extends Writable {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface CliContext {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  /** Whether anybody still takes what goes to standard output. */
  readonly hasReader: () => boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly clock: Clock;
  /** Aborts on the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
  /** Aborts on the second one, just before the process ends. */
  readonly forced: AbortSignal;
  /** Ends the process at once, whatever still runs in it. */
  readonly exit: (code: number) => void;
}

/** Exit codes of all commands; `record` answers its command's own code where that is not 0. */
export const EXIT = {
  ok: 0,
  /** The command could not do what it was asked to. */
  error: 1,
  /** Something is wrong with the input: the command line, or a report that is damaged. */
  badInput: 2,
  /** `gate`: whether the run is green is not known. */
  undecided: 3,
  /** `record -- CMD`: CMD was not found. */
  commandNotFound: 127,
} as const;

/** Ends a command with a message for people and an exit code. */
export class CliError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT.error, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CliError';
    this.exitCode = exitCode;
  }
}
