/**
 * One execution of one test, as a format's reader yields it, in the order of the run as far as the report
 * shows it. Grouping into attempts, naming and shortening happen later.
 */

/**
 * - `crash`: the test broke outside of what it tests.
 * - `abort`: the test began and was ended from outside.
 * - `not-run`: the test should have run and could not, which fails the run; a `skip` does not.
 */
export type ExecutionOutcome = 'pass' | 'fail' | 'crash' | 'abort' | 'skip' | 'not-run';

export interface Execution {
  /** Names from the outermost to the innermost container; may be empty. */
  readonly suite: readonly string[];
  readonly name: string;
  /** False if this fails a run without being a test: a build, a hook, a plan. */
  readonly isTest: boolean;
  /** Executions of one test in different rounds are attempts; in one round, they are namesakes. */
  readonly round: number;
  /** The number of its suite, for formats in which namesakes of two suites are never one test. */
  readonly container?: number;
  readonly outcome: ExecutionOutcome;
  readonly durationMs: number | undefined;
  readonly startTimeMs: number | undefined;
  /** Plain text that says why it failed or was skipped; may be empty. */
  readonly summary: string;
  /** The message of the failure without its trace, if the report separates the two. */
  readonly errorMessage?: string | undefined;
  /**
   * What skipped a test, if that is known: its declaration, before it began, or the test itself. It means
   * nothing for other outcomes.
   */
  readonly skippedBy?: 'declaration' | 'test' | undefined;
  readonly tags: readonly (readonly [string, string])[];
  /** The conditions that it ran under, if the report distinguishes several. */
  readonly variant?: Readonly<Record<string, string>>;
  /** The beginning and the end of what it wrote. */
  readonly output?: readonly OutputStream[];
  readonly location: SourceLocation | undefined;
  /** The line of the report at which the execution begins. */
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

/** Receives what a format's reader finds. */
export interface FormatSink {
  execution(execution: Execution): void;
  /** Adds skipped tests that the report counts but does not name. */
  unnamedSkips(count: number): void;
  /** Reports that something is lost or damaged, so that the report is not complete. */
  error(line: number, message: string): void;
  /** Reports that something is odd, although nothing is lost. */
  warning(line: number, message: string): void;
}

/** Makes a failure of the run that is not a test's. Fields that the format does not give stay unknown. */
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
