/** Everything outside itself that a command may use: streams, environment, time. Tests pass their own. */
import type { Writable } from 'node:stream';
import type { Clock } from '@postlude/queue/foundations';
import type { OwnSecrets } from './terminal/own-secrets.ts';

export interface OutputStream extends Writable {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface CliContext {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  /** Returns false once nothing reads standard output any more. */
  readonly hasReader: () => boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly clock: Clock;
  /** Aborts on the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
  /** Aborts on the second one, just before the process ends. */
  readonly forced: AbortSignal;
  /** Ends the process at once, whatever is still running in it. */
  readonly exit: (code: number) => void;
  /** What the streams do not print. */
  readonly secrets: OwnSecrets;
}

/** The exit codes of all commands. `record` exits with its command's own code if that is not 0. */
export const EXIT = {
  ok: 0,
  /** The command could not do what it was asked to. */
  error: 1,
  /** The input is wrong: the command line, or a damaged report. */
  badInput: 2,
  /** `gate` does not know whether the run is green. */
  undecided: 3,
  /** `record -- CMD` did not find CMD. */
  commandNotFound: 127,
} as const;

/** Ends a command with an exit code and a message to the user. */
export class CliError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT.error, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CliError';
    this.exitCode = exitCode;
  }
}
