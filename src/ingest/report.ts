/**
 * Defines what is read from a test report, and what a format must implement.
 *
 * A file is read twice. The first pass reads it to its end: it checks the structure, counts, and
 * learns which executions are attempts of one test. The second yields the results. So nothing is
 * recorded from a file that turns out to be damaged, a retried test is known as such from its first
 * attempt on, and memory holds one execution and a few bytes for each of the others.
 *
 * A reader must therefore yield the same executions in the same order each time it reads a file.
 *
 * There are two degrees of damage: `FormatSink.error` says that results are missing, but those that were
 * read are true and are recorded; a thrown ReportDamage rejects the whole file.
 */
import { CodedError } from '@postlude/queue/foundations';
import type { Execution, ExecutionOutcome, FormatSink } from './execution.ts';
import type { TestId } from './results/test-id.ts';

export type FormatName =
  | 'junit-xml'
  | 'go-test-json'
  | 'ctrf-json'
  | 'googletest-json'
  | 'jest-json'
  | 'playwright-json'
  | 'tap';

/** A format of test reports. Adding one means adding it to `formats.ts`. */
export interface ReportFormat {
  readonly name: FormatName;
  /** True if a file that begins with `head` is of this format. The name of the file does not matter. */
  readonly detect: (head: string) => boolean;
  /**
   * Returns a reader for one pass over one file. `head` is the beginning of the file, as in `detect`; file
   * names are relative to `root` if they are below it.
   */
  readonly open: (sink: FormatSink, head: string, root?: string) => FormatReader;
  /** Says how executions of one name relate. The default is `byRounds`. */
  readonly grouping?: (dialect: string) => Grouping;
}

export interface FormatReader {
  /** The producer, such as `pytest`, or `generic` if the file does not show it. */
  readonly dialect: string;
  /** True if the tests read so far have no names, so that another file may have the same content. */
  readonly isNameless?: boolean;
  /** Takes the next characters of the file. Throws ReportDamage. */
  push(chunk: string): void;
  /** Called at the end of the file. Throws ReportDamage. */
  end(): void;
}

/** The file is damaged at `line`, so nothing in it can be trusted. */
export class ReportDamage extends CodedError {
  readonly line: number;

  constructor(line: number, message: string, options?: ErrorOptions) {
    super('data-loss', message, options);
    this.name = 'ReportDamage';
    this.line = line;
  }
}

/** The facts about an execution that a Grouping is given. */
export interface ExecutionFacts extends Pick<Execution, 'round' | 'outcome'> {
  /** The number of its file among the files that were read together. */
  readonly file: number;
}

/** The place of an execution among all that have its name. */
export interface Placement {
  /** The number of its test among the tests of that name, from 0: tests may be namesakes. */
  readonly test: number;
  /** The number of the attempt, from 1, in the order of the run. Executions may be parts of one attempt. */
  readonly attempt: number;
  /** The outcome in the light of the other executions: an attempt that was repeated had failed. */
  readonly outcome: ExecutionOutcome;
}

/** Distinguishes tests of one name from attempts of one test. */
export interface Grouping {
  /** True if the files of one folder are one run, in which a test may be in several files. */
  readonly spansFiles: boolean;
  /** Places the executions of one name, given in the order of the files. */
  readonly place: (executions: readonly ExecutionFacts[]) => readonly Placement[];
}

/** `warning`: something is odd, but nothing is lost. `error`: results are missing. */
export type Severity = 'warning' | 'error';

export interface Problem {
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  readonly message: string;
  readonly severity: Severity;
}

/**
 * Counts each test once, with the outcome of its last attempt. `failed` includes tests that were ended
 * from outside or could not run; `errored` are tests that broke outside of what they test.
 */
export interface Counts {
  readonly tests: number;
  readonly passed: number;
  readonly failed: number;
  readonly errored: number;
  readonly skipped: number;
  /** Tests that passed after an attempt that did not; they are also among `passed`. */
  readonly flaky: number;
  /** Failures of the run that are not of a test: a file that did not load, a hook, a build. */
  readonly otherFailures: number;
}

export type ResultStatus = 'PASS' | 'FAIL' | 'CRASH' | 'ABORT' | 'SKIP';

/** One attempt of one test, or one failure that is not a test's. */
export interface FoundResult {
  readonly execution: Execution;
  readonly testId: TestId;
  readonly status: ResultStatus;
  /** False if the result fails the run. */
  readonly expected: boolean;
  /** The number of the attempt, from 1. */
  readonly attempt: number;
  /** The number of the test among the tests of that name, from 0. */
  readonly namesake: number;
  /** The number of the result among those with that id in the file, from 1. */
  readonly ordinal: number;
}
