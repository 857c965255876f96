/**
 * What is read out of a test report, and what a format must bring to be read.
 *
 * A file is read twice. The first pass reads it to its end: it checks the structure, counts, and
 * learns which executions are attempts of one test. The second yields the results. So nothing is
 * recorded from a file that turns out damaged, a retried pass is known as such from its first
 * attempt on, and memory holds one execution and a few bytes for each of the others.
 *
 * A reader therefore hands on the same executions in the same order each time it reads a file.
 *
 * Two grades of trouble: `FormatSink.error` says that results are missing, while what was read is
 * true and goes in; a thrown ReportDamage refuses the file as a whole.
 */
import { CodedError } from '../errors.ts';
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
  /** Whether a file that begins so is of this format: by its content, never by its name. */
  readonly detect: (head: string) => boolean;
  /**
   * A reader for one pass over one file. `head` is the beginning of the file, as in `detect`; names
   * of files are told from `root`, where they lie below it.
   */
  readonly open: (sink: FormatSink, head: string, root?: string) => FormatReader;
  /** How executions of one name relate. By default `byRounds`. */
  readonly grouping?: (dialect: string) => Grouping;
}

export interface FormatReader {
  /** The producer as far as the file shows, such as `pytest`; `generic` where it does not. */
  readonly dialect: string;
  /** True where the tests read so far have no names, so that another file may well say the same. */
  readonly isNameless?: boolean;
  /** Takes the next characters of the file. Throws ReportDamage. */
  push(chunk: string): void;
  /** The file has ended. Throws ReportDamage. */
  end(): void;
}

/** The file is broken at `line`: nothing in it can be trusted. */
export class ReportDamage extends CodedError {
  readonly line: number;

  constructor(line: number, message: string, options?: ErrorOptions) {
    super('data-loss', message, options);
    this.name = 'ReportDamage';
    this.line = line;
  }
}

/** What a Grouping knows of an execution. */
export interface ExecutionFacts extends Pick<Execution, 'round' | 'outcome'> {
  /** Which of the files that were read together it stands in. */
  readonly file: number;
}

/** Where an execution belongs, among all that have its name. */
export interface Placement {
  /** Which of the tests of that name, from 0: tests may be namesakes. */
  readonly test: number;
  /** From 1, in the order of the run. Executions that share one are parts of it. */
  readonly attempt: number;
  /** As the other executions show it: an attempt that was repeated had failed. */
  readonly outcome: ExecutionOutcome;
}

/** Tells tests of one name from attempts of one test. */
export interface Grouping {
  /** Whether the files of one folder are one run, in which a test may stand in several. */
  readonly spansFiles: boolean;
  /** Places the executions of one name, given in the order of the files. */
  readonly place: (executions: readonly ExecutionFacts[]) => readonly Placement[];
}

/** `warning`: odd, but nothing is lost. `error`: results are missing. */
export type Severity = 'warning' | 'error';

export interface Problem {
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  readonly message: string;
  readonly severity: Severity;
}

/**
 * Each test once, with the outcome of its last attempt. `failed` includes tests that were ended
 * from outside or could not run; `errored` are those that broke outside of what they test.
 */
export interface Counts {
  readonly tests: number;
  readonly passed: number;
  readonly failed: number;
  readonly errored: number;
  readonly skipped: number;
  /** Passed after an attempt that did not; also among `passed`. */
  readonly flaky: number;
  /** What failed the run without being a test: a file that did not load, a hook, a build. */
  readonly otherFailures: number;
}

export type ResultStatus = 'PASS' | 'FAIL' | 'CRASH' | 'ABORT' | 'SKIP';

/** One attempt of one test, or one failure that is not a test's. */
export interface FoundResult {
  readonly execution: Execution;
  readonly testId: TestId;
  readonly status: ResultStatus;
  /** False for what fails a run. */
  readonly expected: boolean;
  /** From 1. */
  readonly attempt: number;
  /** Which of the tests of that name, from 0. */
  readonly namesake: number;
  /** Among the results of that id in the file, from 1. */
  readonly ordinal: number;
}
