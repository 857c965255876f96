/**
 * Handles errors of standard output and standard error, whose reader may leave (`| head`), or whose disk may
 * be full. What a command does matters more than what it prints: it continues, so that `record` still runs
 * its tests and finalizes, and exits with the code that it would have had. If standard output cannot be
 * written, that is reported once, and is an error if nothing worse happened. Commands that only print check
 * `hasReader` and end early.
 */
import { EXIT } from '../context.ts';

/** `process`, or a test's substitute for it. */
export interface StreamsOfProcess {
  readonly stdout: NodeJS.EventEmitter;
  readonly stderr: NodeJS.EventEmitter & { write(text: string): unknown };
  exitCode?: number | string | null | undefined;
}

export class StandardStreams {
  readonly #process: StreamsOfProcess;
  #hasReader = true;

  constructor(process: StreamsOfProcess) {
    this.#process = process;
    process.stdout.on('error', (error: NodeJS.ErrnoException) => this.#lose(error));
    process.stderr.on('error', () => undefined);
  }

  /** Returns false once a write to standard output has failed. */
  readonly hasReader = (): boolean => this.#hasReader;

  /** Sets the exit code of the process. If it is 0, a later error of a stream still changes it. */
  end(exitCode: number): void {
    if (exitCode !== EXIT.ok) this.#process.exitCode = exitCode;
  }

  #lose({ code, message }: NodeJS.ErrnoException): void {
    if (!this.#hasReader) return;
    this.#hasReader = false;
    if (code === 'EPIPE') return;
    this.#process.stderr.write(`postlude: cannot write to standard output: ${message}\n`);
    this.#process.exitCode ??= EXIT.error;
  }
}
