/**
 * A `<testcase>` as it stands in the file, before a dialect says what it means.
 */
import type { ExecutionOutcome, OutputStream } from '../execution.ts';

export type Attributes = Readonly<Record<string, string>>;

export interface JUnitSuite {
  /** Empty where the element has no name. */
  readonly name: string;
  /** From 1, in the order of the file. */
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
  /** The beginning of what the element holds. */
  readonly text: string;
}

export interface JUnitCase {
  readonly name: string;
  readonly classname: string;
  readonly attributes: Attributes;
  /** From the outermost `<testsuite>` to the innermost; may be empty. */
  readonly suites: readonly JUnitSuite[];
  readonly verdicts: readonly Verdict[];
  /** Its own, and not those of its suite. */
  readonly properties: readonly (readonly [string, string])[];
  readonly output: readonly OutputStream[];
  readonly line: number;
}

/** What a dialect makes of a test case. */
export interface CaseReading {
  readonly suite: readonly string[];
  readonly name: string;
  /** As the runner itself counts. */
  readonly isTest: boolean;
  readonly outcome: ExecutionOutcome;
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

/** The worst that the test case tells, once: it may hold several failures. */
export function worstOutcome(testCase: JUnitCase): ExecutionOutcome {
  if (has(testCase, 'failure')) return 'fail';
  if (has(testCase, 'error')) return 'crash';
  return has(testCase, 'skipped') ? 'skip' : 'pass';
}

/** The class holds the test, where the two differ. */
export function byClass(testCase: JUnitCase): Pick<CaseReading, 'suite' | 'name'> {
  const { classname, name } = testCase;
  return { suite: classname === '' || classname === name ? [] : [classname], name };
}

export function readPlainly(testCase: JUnitCase): CaseReading {
  return { ...byClass(testCase), isTest: true, outcome: worstOutcome(testCase) };
}
