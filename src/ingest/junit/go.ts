/**
 * gotestsum and go-junit-report write the results of `go test` as JUnit XML.
 *
 * A parent of subtests counts as a test, as it does for Go. A package that failed without a failing test
 * (build, TestMain, exit) is written as a test case, but is not a test.
 */
import type { ExecutionFacts, Grouping, Placement } from '../report.ts';
import type { JUnitDialect } from './dialect.ts';
import {
  byClass,
  type CaseReading,
  has,
  type JUnitCase,
  messageOf,
  readPlainly,
} from './test-case.ts';

/**
 * Every execution of a rerun test is a test case, and they are not in the order of the run. But a test that
 * passed is not run again, so two passes mean that it was meant to run twice (`-count`).
 */
const failuresFirst: Grouping = { spansFiles: false, place };

export const gotestsum: JUnitDialect = {
  name: 'gotestsum',
  recognizes: ({ properties, suites }) =>
    properties.includes('go.version') && suites[0]?.id === undefined,
  open: () => (testCase) => {
    const isPackage = testCase.name === '' || testCase.name === 'TestMain';
    return isPackage && has(testCase, 'failure')
      ? { ...byClass(testCase), isTest: false, outcome: 'crash' }
      : readGoTest(testCase);
  },
  grouping: failuresFirst,
};

export const goJUnitReport: JUnitDialect = {
  name: 'go-junit-report',
  recognizes: ({ root, rootAttributes, suites }) =>
    root === 'testsuites' &&
    rootAttributes.name === undefined &&
    suites[0]?.id !== undefined &&
    suites[0].hostname !== undefined &&
    suites[0].package === undefined,
  open: () => (testCase) => {
    const message = messageOf(testCase, 'error');
    if (message === 'Build error' || message === 'Runtime error') {
      return { ...byClass(testCase), isTest: false, outcome: 'crash' };
    }
    const reading = readGoTest(testCase);
    return message === 'No test result found' ? { ...reading, outcome: 'abort' } : reading;
  },
};

/** A test of Go is skipped by a call of its own. */
function readGoTest(testCase: JUnitCase): CaseReading {
  return { ...readPlainly(testCase), skippedBy: 'test' };
}

function place(executions: readonly ExecutionFacts[]): readonly Placement[] {
  const failures = executions.filter(({ outcome }) => outcome === 'fail').length;
  const isRerun = executions.length - failures <= 1;
  let failuresSoFar = 0;
  return executions.map(({ outcome }, index) => {
    if (!isRerun) return { test: index, attempt: 1, outcome };
    if (outcome === 'fail') failuresSoFar += 1;
    const attempt = outcome === 'fail' ? failuresSoFar : failures + 1;
    return { test: 0, attempt, outcome };
  });
}
