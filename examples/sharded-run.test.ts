/** The demo's own check: that it fails where a total is off, and what it reads the totals from. */
import { expect, test } from 'vitest';
import { addTotals, requireSame, runnersOwnTotals } from './sharded-run/totals.ts';

const TOTALS = { passed: 21, failed: 2, skipped: 5 };

test('the demo takes totals that are the same', () => {
  expect(() => requireSame(TOTALS, { ...TOTALS })).not.toThrow();
});

test.each(['passed', 'failed', 'skipped'] as const)('the demo fails where one more %s', (which) => {
  expect(() => requireSame(TOTALS, { ...TOTALS, [which]: TOTALS[which] + 1 })).toThrow(
    /^the totals differ, which must never happen: runners 21 passed/,
  );
});

test('a job that was cancelled has the totals of the tests that it told of', () => {
  const said = 'ok 1 a\nok 2 b # SKIP\nnot ok 3 c\nok 4 d\n';
  const cancelled = runnersOwnTotals('Mocha', said);
  expect(cancelled).toEqual({ passed: 2, failed: 1, skipped: 1 });
  expect(addTotals([cancelled, TOTALS])).toEqual({ passed: 23, failed: 3, skipped: 6 });
});
