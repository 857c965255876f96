import { expect, test } from 'vitest';
import { describeCounts } from './describe-report.ts';

const COUNTS = { tests: 1, passed: 1, failed: 0, errored: 0, skipped: 0, flaky: 0 };

test('counts are worded as people word them', () => {
  expect(describeCounts({ ...COUNTS, otherFailures: 0 })).toBe(
    '1 test: 1 passed, 0 failed, 0 errored, 0 skipped; 0 flaky',
  );
  expect(describeCounts({ ...COUNTS, tests: 2, otherFailures: 1 })).toMatch(
    /^2 tests: .*; 1 failure outside of tests$/,
  );
  expect(describeCounts({ ...COUNTS, tests: 0, otherFailures: 2 })).toMatch(
    /^0 tests: .*; 2 failures outside of tests$/,
  );
});
