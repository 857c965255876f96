/** A dialect describes how one producer writes JUnit XML, and what its test cases mean. */
import type { Grouping } from '../report.ts';
import type { HeaderHabits } from './header-claims.ts';
import type { JUnitMarks } from './marks.ts';
import type { CaseReading, JUnitCase } from './test-case.ts';

export interface JUnitDialect {
  readonly name: string;
  readonly recognizes: (marks: JUnitMarks) => boolean;
  /** Returns a reader of the test cases of one file, in their order; the reader may have state. */
  readonly open: () => (testCase: JUnitCase) => CaseReading;
  /** By default, the headers of suites claim no more than the file holds. */
  readonly headers?: HeaderHabits;
  /** The default is `byRounds`. */
  readonly grouping?: Grouping;
}
