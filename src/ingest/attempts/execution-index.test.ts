import { describe, expect, it } from 'vitest';
import type { Execution, ExecutionOutcome } from '../execution.ts';
import { groupingOf } from '../junit/dialects.ts';
import { ExecutionIndex } from './execution-index.ts';
import { byRounds } from './grouping.ts';

describe('ExecutionIndex', () => {
  it('counts each test once, by the outcome of its last attempt', () => {
    const index = new ExecutionIndex();
    const outcomes = ['pass', 'fail', 'abort', 'not-run', 'crash', 'skip'] as const;
    for (const outcome of outcomes) index.add(0, `only ${outcome}`, execution({ outcome }));
    index.add(0, 'flaky', execution({ outcome: 'crash' }));
    index.add(0, 'flaky', execution({ outcome: 'pass', round: 2 }));
    index.add(0, 'broken', execution({ outcome: 'fail' }));
    index.add(0, 'broken', execution({ outcome: 'crash', round: 2 }));
    expect(index.settle(byRounds)).toEqual({
      tests: 8,
      passed: 2,
      failed: 3,
      errored: 2,
      skipped: 1,
      flaky: 1,
      otherFailures: 0,
    });
  });

  it('counts what is not a test separately, even under the name of a test', () => {
    const index = new ExecutionIndex();
    index.add(0, 'a', execution({ outcome: 'pass' }));
    index.add(0, 'a', execution({ outcome: 'crash', isTest: false }));
    index.add(0, 'b', execution({ outcome: 'crash', isTest: false, container: 3 }));
    expect(index.settle(byRounds)).toMatchObject({ tests: 1, passed: 1, otherFailures: 2 });
  });

  it('takes the worst part of an attempt as its outcome', () => {
    const index = new ExecutionIndex();
    index.add(0, 'a', execution({ outcome: 'fail' }));
    index.add(0, 'a', execution({ outcome: 'crash' }));
    const counts = index.settle(groupingOf('pytest'));
    expect(counts).toMatchObject({ tests: 1, failed: 1, errored: 0 });
  });

  it('numbers the executions of one name in each file, whatever suite they are in', () => {
    const index = new ExecutionIndex();
    for (const container of [1, 2, 1]) index.add(0, 'a', execution({ container }));
    index.add(1, 'a', execution({}));
    index.settle(byRounds);
    const placements = [0, 1, 2, 3].map((position) => index.placementOf(position));
    expect(placements.map(({ ordinal }) => ordinal)).toEqual([1, 2, 3, 1]);
    expect(new Set(placements.map(({ test }) => test)).size).toBe(4);
  });

  it('forgets executions that are cut off', () => {
    const index = new ExecutionIndex();
    index.add(0, 'a', execution({}));
    index.add(1, 'a', execution({}));
    index.add(1, 'b', execution({}));
    index.cutTo(1);
    expect(index.settle(byRounds)).toMatchObject({ tests: 1 });
    expect(index.size).toBe(1);
  });
});

interface Given {
  readonly outcome?: ExecutionOutcome;
  readonly round?: number;
  readonly isTest?: boolean;
  readonly container?: number;
}

function execution({
  outcome = 'pass',
  round = 1,
  isTest = true,
  container = 0,
}: Given): Execution {
  return {
    suite: [],
    name: 'x',
    isTest,
    round,
    container,
    outcome,
    durationMs: undefined,
    startTimeMs: undefined,
    summary: '',
    tags: [],
    location: undefined,
    line: 1,
  };
}
