/**
 * Standard output and standard error of a process, whose reader may leave (`| head`), or whose disk may be
 * full. What a command does matters more than what it says: it goes on, so that `record` still runs
 * its tests and finalizes, and ends with the exit code that it would have had. Where standard output is full,
 * that is told once, and is an error where nothing worse happened. Commands that do nothing but print look at
 * `hasReader` and end early.
 */
import { EXIT } from '../context.ts';

/** `process`, or what a test takes in its place. */
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

  /** False once standard output has taken nothing any more. */
  readonly hasReader = (): boolean => this.#hasReader;

  /** For the exit code of the command; a later error of a stream makes up for one that is 0. */
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
