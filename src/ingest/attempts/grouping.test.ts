import { describe, expect, it } from 'vitest';
import type { ExecutionOutcome } from '../execution.ts';
import { groupingOf } from '../junit/dialects.ts';
import type { Grouping } from '../report.ts';
import { byRounds } from './grouping.ts';

describe('byRounds', () => {
  it('takes executions of the first round as tests of their own', () => {
    expect(placed(byRounds, '1 fail', '1 pass')).toEqual(['test 0.1 fail', 'test 1.1 pass']);
  });

  it('takes a later round as an attempt of the test before it', () => {
    expect(placed(byRounds, '1 fail', '2 pass', '1 fail', '2 fail', '3 pass')).toEqual([
      'test 0.1 fail',
      'test 0.2 pass',
      'test 1.1 fail',
      'test 1.2 fail',
      'test 1.3 pass',
    ]);
  });

  it('takes a rerun for the test that failed if another of that name passed', () => {
    expect(placed(byRounds, '1 fail', '1 pass', '2 pass')).toEqual([
      'test 0.1 fail',
      'test 1.1 pass',
      'test 0.2 pass',
    ]);
  });

  it('takes a later round without a first one as a test', () => {
    expect(placed(byRounds, '3 pass')).toEqual(['test 0.1 pass']);
  });
});

describe('the grouping of pytest', () => {
  const pytest = groupingOf('pytest');

  it('takes all but the last of one name as failed attempts', () => {
    expect(placed(pytest, '1 pass', '1 pass', '1 pass')).toEqual([
      'test 0.1 fail',
      'test 0.2 fail',
      'test 0.3 pass',
    ]);
    expect(placed(pytest, '1 pass', '1 fail')).toEqual(['test 0.1 fail', 'test 0.2 fail']);
  });

  it('takes a failure and the error of the teardown as one attempt', () => {
    expect(placed(pytest, '1 pass', '1 fail', '1 crash')).toEqual([
      'test 0.1 fail',
      'test 0.2 fail',
      'test 0.2 crash',
    ]);
  });

  it('otherwise takes what follows a failure as another test of the same name', () => {
    expect(placed(pytest, '1 fail', '1 fail', '1 skip', '1 pass')).toEqual([
      'test 0.1 fail',
      'test 1.1 fail',
      'test 2.1 skip',
      'test 3.1 pass',
    ]);
  });
});

describe('the grouping of gotestsum', () => {
  const gotestsum = groupingOf('gotestsum');

  it('takes the failures as the attempts before the pass, in any order', () => {
    expect(placed(gotestsum, '1 pass', '1 fail', '1 fail')).toEqual([
      'test 0.3 pass',
      'test 0.1 fail',
      'test 0.2 fail',
    ]);
  });

  it('takes several passes as intended repetitions', () => {
    expect(placed(gotestsum, '1 pass', '1 fail', '1 pass')).toEqual([
      'test 0.1 pass',
      'test 1.1 fail',
      'test 2.1 pass',
    ]);
  });
});

describe('the grouping of Surefire', () => {
  const surefire = groupingOf('surefire');

  it('takes a failed test that is also in another file as rerun there', () => {
    expect(placed(surefire, 'a 1 fail', 'a 2 pass', 'b 1 fail')).toEqual([
      'test 0.2 fail',
      'test 0.3 pass',
      'test 0.1 fail',
    ]);
  });

  it('takes the file with more attempts as the later one', () => {
    expect(placed(surefire, 'a 1 fail', 'a 2 fail', 'b 1 fail')).toEqual([
      'test 0.2 fail',
      'test 0.3 fail',
      'test 0.1 fail',
    ]);
  });

  it('takes passes in several files as tests of their own', () => {
    expect(placed(surefire, 'a 1 pass', 'b 1 pass', 'b 1 pass')).toEqual([
      'test 0.1 pass',
      'test 1.1 pass',
      'test 2.1 pass',
    ]);
  });
});

/** Parses `round outcome`, or `file round outcome`. */
function placed(grouping: Grouping, ...executions: readonly string[]): string[] {
  const facts = executions.map((execution) => {
    const [outcome = '', round = '', file = 'a'] = execution.split(' ').reverse();
    return { file: file.charCodeAt(0), round: Number(round), outcome: outcome as ExecutionOutcome };
  });
  return grouping
    .place(facts)
    .map(({ test, attempt, outcome }) => `test ${test}.${attempt} ${outcome}`);
}
