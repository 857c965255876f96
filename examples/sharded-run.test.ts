/** Tests the demo's own check: it fails if a total is off, and reads the totals from the right places. */
import { expect, test } from 'vitest';
import { addTotals, requireSame, runnersOwnTotals } from './sharded-run/totals.ts';

const TOTALS = { passed: 21, failed: 2, skipped: 5 };

test('the demo accepts equal totals', () => {
  expect(() => requireSame(TOTALS, { ...TOTALS })).not.toThrow();
});

test.each(['passed', 'failed', 'skipped'] as const)(
  'the demo fails if the number of %s tests is off',
  (which) => {
    expect(() => requireSame(TOTALS, { ...TOTALS, [which]: TOTALS[which] + 1 })).toThrow(
      /^the totals differ, which must never happen: runners 21 passed/,
    );
  },
);

test('a cancelled job has the totals of the tests that it reported', () => {
  const said = 'ok 1 a\nok 2 b # SKIP\nnot ok 3 c\nok 4 d\n';
  const cancelled = runnersOwnTotals('Mocha', said);
  expect(cancelled).toEqual({ passed: 2, failed: 1, skipped: 1 });
  expect(addTotals([cancelled, TOTALS])).toEqual({ passed: 23, failed: 3, skipped: 6 });
});
