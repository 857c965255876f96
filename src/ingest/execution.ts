/**
 * One execution of one test, as a format's reader hands it on, in the order of the run as far as
 * the report tells. Grouping executions into attempts, naming and shortening come after.
 */

/**
 * - `crash`: broke outside of what it tests.
 * - `abort`: began and was ended from outside.
 * - `not-run`: should have run and could not, which fails the run; a `skip` does not.
 */
export type ExecutionOutcome = 'pass' | 'fail' | 'crash' | 'abort' | 'skip' | 'not-run';

export interface Execution {
  /** Names from the outermost to the innermost container; may be empty. */
  readonly suite: readonly string[];
  readonly name: string;
  /** False for what fails a run without being a test: a build, a hook, a plan. */
  readonly isTest: boolean;
  /** Executions of one test in different rounds are attempts; in one round, they are namesakes. */
  readonly round: number;
  /** Which suite of the report holds it, where namesakes of two suites are never one test. */
  readonly container?: number;
  readonly outcome: ExecutionOutcome;
  readonly durationMs: number | undefined;
  readonly startTimeMs: number | undefined;
  /** Plain text: why it failed or was skipped; may be empty. */
  readonly summary: string;
  /** The message of the failure without its trace, where the report tells it apart. */
  readonly errorMessage?: string | undefined;
  readonly tags: readonly (readonly [string, string])[];
  /** How it was run, where the report tells of several ways. */
  readonly variant?: Readonly<Record<string, string>>;
  /** What it wrote: the beginning and the end. */
  readonly output?: readonly OutputStream[];
  readonly location: SourceLocation | undefined;
  /** Line of the report where the execution begins. */
  readonly line: number;
}

export interface OutputStream {
  readonly name: 'stdout' | 'stderr';
  readonly text: string;
}

export interface SourceLocation {
  readonly file: string;
  readonly line: number | undefined;
}

/** Takes what a format's reader finds. */
export interface FormatSink {
  execution(execution: Execution): void;
  /** So many tests were skipped, which the report counts and does not name. */
  unnamedSkips(count: number): void;
  /** Something is lost or damaged: the report is not complete. */
  error(line: number, message: string): void;
  /** Odd, but nothing is lost. */
  warning(line: number, message: string): void;
}

/** A failure of the run that is not a test's. What the format does not tell is left open. */
export function notATest(
  failure: Pick<Execution, 'name' | 'outcome' | 'summary' | 'line'> & Partial<Execution>,
): Execution {
  return {
    suite: [],
    isTest: false,
    round: 1,
    durationMs: undefined,
    startTimeMs: undefined,
    tags: [],
    location: undefined,
    ...failure,
  };
}
