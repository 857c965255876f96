import { expect, test } from 'vitest';
import { TestStatus } from '../../gen/luci/resultdb/v1/test_result_pb.js';
import { type Verdict, Verdicts } from './verdicts.ts';

const t = { testId: 't', variantHash: 'v' };
const passed = { ...t, expected: true, status: TestStatus.PASS };
const failed = { ...t, expected: false, status: TestStatus.FAIL };
const skipped = { ...t, expected: true, status: TestStatus.SKIP };
const notRun = { ...t, expected: false, status: TestStatus.SKIP };

test.each<[Verdict, (typeof passed)[]]>([
  ['expected', [passed]],
  ['expected', [passed, skipped]],
  ['skipped', [skipped, skipped]],
  ['flaky', [failed, passed]],
  ['flaky', [skipped, failed]],
  ['unexpected', [failed, failed]],
  ['unexpected', [notRun]],
])('attempts are %s together: %#', (verdict, attempts) => {
  const verdicts = new Verdicts();
  for (const attempt of attempts) verdicts.add(attempt);
  expect(verdicts.of(t)).toBe(verdict);
  const none = { expected: 0, skipped: 0, flaky: 0, unexpected: 0, exonerated: 0 };
  expect(verdicts.counts()).toEqual({ ...none, [verdict]: 1 });
});

test('an exoneration applies to unexpected results, whenever it comes, and to no others', () => {
  const verdicts = new Verdicts();
  const other = { ...t, variantHash: 'w' };
  verdicts.exonerate(t);
  verdicts.exonerate({ ...t, testId: 'no results' });
  verdicts.add(failed);
  verdicts.add({ ...failed, ...other });
  verdicts.add({ ...passed, testId: 'fine' });
  verdicts.exonerate({ ...t, testId: 'fine' });
  expect(verdicts.of(t)).toBe('exonerated');
  expect(verdicts.of(other)).toBe('unexpected');
  expect(verdicts.of({ ...t, testId: 'fine' })).toBe('expected');
  expect(verdicts.of({ ...t, testId: 'no results' })).toBeUndefined();
  expect(verdicts.counts()).toMatchObject({ exonerated: 1, unexpected: 1, expected: 1 });
});
