/** A dialect: how one producer writes JUnit XML, and what its test cases mean. */
import type { Grouping } from '../report.ts';
import type { HeaderHabits } from './header-claims.ts';
import type { JUnitMarks } from './marks.ts';
import type { CaseReading, JUnitCase } from './test-case.ts';

export interface JUnitDialect {
  readonly name: string;
  readonly recognizes: (marks: JUnitMarks) => boolean;
  /** A reader of the test cases of one file, in its order; it may remember. */
  readonly open: () => (testCase: JUnitCase) => CaseReading;
  /** By default the headers of suites claim no more than the file holds. */
  readonly headers?: HeaderHabits;
  /** By default `byRounds`. */
  readonly grouping?: Grouping;
}
