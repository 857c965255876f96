/**
 * pytest, xunit1 and xunit2.
 *
 * pytest-rerunfailures writes each attempt as a separate test case, and all but the last without any
 * failure, so that they look like passes. A test that fails both in its call and in its teardown is also
 * written twice: first the failure, then the error.
 */
import type { ExecutionFacts, Grouping, Placement } from '../report.ts';
import type { JUnitDialect } from './dialect.ts';
import { inOrder } from './marks.ts';
import { readPlainly, typeOf } from './test-case.ts';

const byRepetition: Grouping = { spansFiles: false, place };

export const pytest: JUnitDialect = {
  name: 'pytest',
  recognizes: ({ rootAttributes, suites }) =>
    rootAttributes.name === 'pytest tests' ||
    suites[0]?.name === 'pytest' ||
    suites.some((suite) => inOrder(suite, 'name errors failures skipped tests time timestamp')),
  open: () => (testCase) => {
    const isXfail = typeOf(testCase, 'skipped') === 'pytest.xfail';
    return { ...readPlainly(testCase), tags: isXfail ? [['xfail', 'true']] : [] };
  },
  // Subtests and broken teardowns count as tests, but have no test case.
  headers: { exaggerates: ['tests'] },
  grouping: byRepetition,
};

function place(executions: readonly ExecutionFacts[]): readonly Placement[] {
  let test = 0;
  let attempt = 1;
  return executions.map(({ outcome }, index) => {
    const next = executions[index + 1]?.outcome;
    const placement = { test, attempt, outcome };
    if (next === undefined || (outcome === 'fail' && next === 'crash')) return placement;
    if (outcome === 'pass') {
      attempt += 1;
      return { ...placement, outcome: 'fail' };
    }
    test += 1;
    attempt = 1;
    return placement;
  });
}
