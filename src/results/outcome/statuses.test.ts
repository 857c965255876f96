import { expect, test } from 'vitest';
import { FailureReason_Kind } from '../../gen/luci/resultdb/v1/failure_reason_pb.js';
import { TestResult_Status, WebTest_Status } from '../../gen/luci/resultdb/v1/test_result_pb.js';
import type { TestStatus } from '../test-status.ts';
import { toNewOutcome, toOldOutcome } from './statuses.ts';

const STATUSES: readonly TestStatus[] = ['PASS', 'FAIL', 'CRASH', 'ABORT', 'SKIP'];

test.each(STATUSES.flatMap((status) => [true, false].map((expected) => ({ status, expected }))))(
  'the newer form of $status, expected: $expected, leads back to it',
  (outcome) => {
    expect(toOldOutcome(toNewOutcome(outcome))).toEqual(outcome);
  },
);

test.each([
  ['PASS', true, 'PASSED', 'KIND_UNSPECIFIED', undefined],
  ['FAIL', true, 'PASSED', 'KIND_UNSPECIFIED', 'FAIL'],
  ['ABORT', true, 'PASSED', 'KIND_UNSPECIFIED', 'TIMEOUT'],
  ['SKIP', true, 'SKIPPED', 'KIND_UNSPECIFIED', undefined],
  ['PASS', false, 'FAILED', 'ORDINARY', 'PASS'],
  ['FAIL', false, 'FAILED', 'ORDINARY', undefined],
  ['CRASH', false, 'FAILED', 'CRASH', undefined],
  ['ABORT', false, 'FAILED', 'TIMEOUT', undefined],
  ['SKIP', false, 'EXECUTION_ERRORED', 'KIND_UNSPECIFIED', undefined],
] as const)('%s, expected: %s, is %s with %s and web test %s', (...row) => {
  const [status, expected, newStatus, kind, webTest] = row;
  expect(toNewOutcome({ status, expected })).toEqual({
    status: TestResult_Status[newStatus],
    kind: FailureReason_Kind[kind],
    webTest: webTest && { isExpected: expected, status: WebTest_Status[webTest] },
  });
});

test('a test that was precluded is an unexpected skip in the older form', () => {
  const { KIND_UNSPECIFIED } = FailureReason_Kind;
  const precluded = { status: TestResult_Status.PRECLUDED, kind: KIND_UNSPECIFIED };
  expect(toOldOutcome({ ...precluded, webTest: undefined })).toEqual({
    status: 'SKIP',
    expected: false,
  });
});
