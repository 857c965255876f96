/**
 * How a test ended, in the two forms that the API has. Rows hold the older form: a status, and whether it
 * was expected. The newer form has a status of its own, the kind of a failure, and the expectations of web
 * tests; each result that was recorded in the older form has exactly one newer form.
 */
import { FailureReason_Kind } from '../../gen/luci/resultdb/v1/failure_reason_pb.js';
import { TestResult_Status, WebTest_Status } from '../../gen/luci/resultdb/v1/test_result_pb.js';
import type { TestStatus } from '../test-status.ts';

export interface OldOutcome {
  readonly status: TestStatus;
  readonly expected: boolean;
}

export interface WebTestOutcome {
  readonly isExpected: boolean;
  readonly status: WebTest_Status;
}

export interface NewOutcome {
  readonly status: TestResult_Status;
  /** `KIND_UNSPECIFIED` unless the status is FAILED. */
  readonly kind: FailureReason_Kind;
  readonly webTest: WebTestOutcome | undefined;
}

const { KIND_UNSPECIFIED, ORDINARY, CRASH, TIMEOUT } = FailureReason_Kind;

const KINDS: Readonly<Record<TestStatus, FailureReason_Kind>> = {
  PASS: ORDINARY,
  FAIL: ORDINARY,
  CRASH,
  ABORT: TIMEOUT,
  SKIP: KIND_UNSPECIFIED,
};

const WEB_STATUSES: Readonly<Record<TestStatus, WebTest_Status>> = {
  PASS: WebTest_Status.PASS,
  FAIL: WebTest_Status.FAIL,
  CRASH: WebTest_Status.CRASH,
  ABORT: WebTest_Status.TIMEOUT,
  SKIP: WebTest_Status.SKIP,
};

export function toNewOutcome({ expected, status }: OldOutcome): NewOutcome {
  const webTest = { isExpected: expected, status: WEB_STATUSES[status] };
  const plain = { kind: KIND_UNSPECIFIED, webTest: undefined };
  if (status === 'SKIP') {
    const { EXECUTION_ERRORED, SKIPPED } = TestResult_Status;
    return { ...plain, status: expected ? SKIPPED : EXECUTION_ERRORED };
  }
  if (expected) {
    return {
      ...plain,
      status: TestResult_Status.PASSED,
      ...(status === 'PASS' ? {} : { webTest }),
    };
  }
  return {
    status: TestResult_Status.FAILED,
    kind: KINDS[status],
    webTest: status === 'PASS' ? webTest : undefined,
  };
}

export function toOldOutcome({ kind, status, webTest }: NewOutcome): OldOutcome {
  if (webTest !== undefined) {
    return { status: ofWebTest(webTest.status), expected: webTest.isExpected };
  }
  switch (status) {
    case TestResult_Status.PASSED:
      return { status: 'PASS', expected: true };
    case TestResult_Status.FAILED:
      return { status: ofKind(kind), expected: false };
    default:
      return { status: 'SKIP', expected: status === TestResult_Status.SKIPPED };
  }
}

function ofWebTest(status: WebTest_Status): TestStatus {
  switch (status) {
    case WebTest_Status.PASS:
      return 'PASS';
    case WebTest_Status.CRASH:
      return 'CRASH';
    case WebTest_Status.TIMEOUT:
      return 'ABORT';
    case WebTest_Status.SKIP:
      return 'SKIP';
    default:
      return 'FAIL';
  }
}

function ofKind(kind: FailureReason_Kind): TestStatus {
  if (kind === CRASH) return 'CRASH';
  return kind === TIMEOUT ? 'ABORT' : 'FAIL';
}
