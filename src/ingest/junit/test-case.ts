/**
 * A `<testcase>` as the file has it, before a dialect interprets it.
 */
import type { Execution, ExecutionOutcome, OutputStream } from '../execution.ts';

export type Attributes = Readonly<Record<string, string>>;

export interface JUnitSuite {
  /** Empty if the element has no name. */
  readonly name: string;
  /** The number of the test case, from 1, in the order of the file. */
  readonly ordinal: number;
  readonly attributes: Attributes;
}

/** Children that say how a test ended; the others carry output and properties. */
export type VerdictKind =
  | 'failure'
  | 'error'
  | 'skipped'
  | 'flakyFailure'
  | 'flakyError'
  | 'rerunFailure'
  | 'rerunError';

export interface Verdict {
  readonly kind: VerdictKind;
  readonly attributes: Attributes;
  /** The beginning of the element's text. */
  readonly text: string;
}

export interface JUnitCase {
  readonly name: string;
  readonly classname: string;
  readonly attributes: Attributes;
  /** From the outermost `<testsuite>` to the innermost; may be empty. */
  readonly suites: readonly JUnitSuite[];
  readonly verdicts: readonly Verdict[];
  /** The properties of the test case itself, and not those of its suite. */
  readonly properties: readonly (readonly [string, string])[];
  readonly output: readonly OutputStream[];
  readonly line: number;
}

/** A test case as a dialect interprets it. */
export interface CaseReading {
  readonly suite: readonly string[];
  readonly name: string;
  /** True if the runner itself counts it as a test. */
  readonly isTest: boolean;
  readonly outcome: ExecutionOutcome;
  /** See Execution. */
  readonly skippedBy?: Execution['skippedBy'];
  readonly tags?: readonly (readonly [string, string])[];
}

export function has(testCase: JUnitCase, kind: VerdictKind): boolean {
  return testCase.verdicts.some((verdict) => verdict.kind === kind);
}

export function typeOf(testCase: JUnitCase, kind: VerdictKind): string {
  return testCase.verdicts.find((verdict) => verdict.kind === kind)?.attributes.type ?? '';
}

export function messageOf(testCase: JUnitCase, kind: VerdictKind): string {
  return testCase.verdicts.find((verdict) => verdict.kind === kind)?.attributes.message ?? '';
}

/** Returns the worst outcome in the test case, which may hold several failures. */
export function worstOutcome(testCase: JUnitCase): ExecutionOutcome {
  if (has(testCase, 'failure')) return 'fail';
  if (has(testCase, 'error')) return 'crash';
  return has(testCase, 'skipped') ? 'skip' : 'pass';
}

/** The class is the suite of the test, unless it is empty or equals the name. */
export function byClass(testCase: JUnitCase): Pick<CaseReading, 'suite' | 'name'> {
  const { classname, name } = testCase;
  return { suite: classname === '' || classname === name ? [] : [classname], name };
}

export function readPlainly(testCase: JUnitCase): CaseReading {
  return { ...byClass(testCase), isTest: true, outcome: worstOutcome(testCase) };
}
