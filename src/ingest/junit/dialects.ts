/** Lists the dialects of JUnit XML, and recognizes the one of a file. */
import { byRounds } from '../attempts/grouping.ts';
import type { ExecutionOutcome } from '../execution.ts';
import type { Grouping } from '../report.ts';
import { cargoNextest, cTest, googleTest } from './compiled.ts';
import type { JUnitDialect } from './dialect.ts';
import { goJUnitReport, gotestsum } from './go.ts';
import { jestJUnit, mochaJUnitReporter, nodeTest, vitest } from './javascript.ts';
import type { JUnitMarks } from './marks.ts';
import { pytest } from './pytest.ts';
import { surefire } from './surefire.ts';
import { byClass, type JUnitCase, worstOutcome } from './test-case.ts';

/** The producer is unknown, so only what all producers mean is read. */
const generic: JUnitDialect = {
  name: 'generic',
  recognizes: () => true,
  open: () => (testCase) => {
    const inClass = byClass(testCase);
    const suites = testCase.suites.map(({ name }) => name);
    const suite = testCase.classname === '' ? suites : inClass.suite;
    return { suite, name: inClass.name, isTest: true, outcome: genericOutcome(testCase) };
  },
  headers: { isUnknown: true },
};

/** Some producers write the outcome only as an attribute; without it, a failure would be lost. */
function genericOutcome(testCase: JUnitCase): ExecutionOutcome {
  if (testCase.verdicts.length > 0) return worstOutcome(testCase);
  const status = (testCase.attributes.status ?? testCase.attributes.result ?? '').toLowerCase();
  if (/^(fail|failed|failure)$/.test(status)) return 'fail';
  if (/^(error|errored|broken|crashed)$/.test(status)) return 'crash';
  return /^(skip|skipped|ignored|disabled|pending|notrun)$/.test(status) ? 'skip' : 'pass';
}

/** The first dialect that recognizes a file wins, so those with unmistakable marks come first. */
const DIALECTS: readonly JUnitDialect[] = [
  pytest,
  vitest,
  jestJUnit,
  mochaJUnitReporter,
  surefire,
  cargoNextest,
  googleTest,
  cTest,
  gotestsum,
  goJUnitReport,
  nodeTest,
  generic,
];

export function dialectOf(marks: JUnitMarks): JUnitDialect {
  return DIALECTS.find(({ recognizes }) => recognizes(marks)) ?? generic;
}

export function groupingOf(dialectName: string): Grouping {
  return DIALECTS.find(({ name }) => name === dialectName)?.grouping ?? byRounds;
}
