import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';
import { eachDatabase, openTestPglite } from '../../../../test/support/databases/databases.ts';
import {
  contextOf,
  OWNER,
  openServices,
  type Services,
} from '../../../../test/support/server/rpc-services.ts';
import { VariantSchema } from '../../../gen/luci/resultdb/v1/common_pb.js';
import { FailureReason_Kind } from '../../../gen/luci/resultdb/v1/failure_reason_pb.js';
import { CreateTestResultRequestSchema } from '../../../gen/luci/resultdb/v1/recorder_pb.js';
import { GetTestResultRequestSchema } from '../../../gen/luci/resultdb/v1/resultdb_pb.js';
import {
  SkippedReason_Kind,
  SkipReason,
  TestResult_Status,
  TestResultSchema,
  TestStatus,
  WebTest_Status,
} from '../../../gen/luci/resultdb/v1/test_result_pb.js';

type ResultInit = MessageInitShape<typeof TestResultSchema>;

const { CRASH, ORDINARY, TIMEOUT } = FailureReason_Kind;
const { EXECUTION_ERRORED, FAILED, PASSED, PRECLUDED, SKIPPED } = TestResult_Status;
const { AUTOMATICALLY_DISABLED_FOR_FLAKINESS } = SkipReason;
const { DISABLED_AT_DECLARATION, OTHER } = SkippedReason_Kind;
const reason = { kind: ORDINARY, errors: [{ message: 'm' }] };

function record(services: Services, init: ResultInit) {
  const testResult = create(TestResultSchema, { testId: 't', resultId: 'r', ...init });
  testResult.variant ??= create(VariantSchema);
  return services.recorder.createTestResult(
    create(CreateTestResultRequestSchema, { invocation: 'invocations/u-inv', testResult }),
    services.owner('u-inv'),
  );
}

function webTest(isExpected: boolean, status: WebTest_Status) {
  return { frameworkExtensions: { webTest: { isExpected, status } } };
}

describe('a result is refused', () => {
  const failed = (failureReason: ResultInit['failureReason']): ResultInit =>
    failureReason ? { statusV2: FAILED, failureReason } : { statusV2: FAILED };
  const old = { status: TestStatus.FAIL };
  const long = 'é'.repeat(513);
  const migrate = 'please migrate to using status_v2 if you want to set this field';
  test.each<[string, ResultInit]>([
    ['status_v2: cannot be STATUS_UNSPECIFIED', {}],
    ['status_v2: invalid value 99', { statusV2: 99 as TestResult_Status }],
    ['status: invalid value 99', { status: 99 as TestStatus }],
    [
      'status: must not specify at same time as status_v2; specify status_v2 only',
      { statusV2: PASSED, status: TestStatus.PASS },
    ],
    [
      'expected: must not specify at same time as status_v2; specify status_v2 only',
      { statusV2: PASSED, expected: true },
    ],
    ['failure_reason: must be set when status_v2 is FAILED', failed(undefined)],
    [
      'failure_reason: must not be set when status_v2 is not FAILED',
      { statusV2: PASSED, failureReason: reason },
    ],
    ['skipped_reason: must be set when status_v2 is SKIPPED', { statusV2: SKIPPED }],
    [
      'skipped_reason: must not be set when status_v2 is not SKIPPED',
      { statusV2: PASSED, skippedReason: {} },
    ],
    [
      'skip_reason: must not be set in conjuction with status_v2; set skipped_reason.kind instead',
      { statusV2: PASSED, skipReason: AUTOMATICALLY_DISABLED_FOR_FLAKINESS },
    ],
    [`failure_reason: kind: ${migrate}`, { ...old, failureReason: { kind: CRASH } }],
    [`skipped_reason: ${migrate}`, { ...old, skippedReason: {} }],
    [`framework_extensions: ${migrate}`, { ...old, frameworkExtensions: {} }],
    [
      'skip_reason: value must be zero (UNSPECIFIED) when status is not SKIP',
      { ...old, skipReason: AUTOMATICALLY_DISABLED_FOR_FLAKINESS },
    ],
    ['failure_reason: kind: unspecified', failed({})],
    ['failure_reason: kind: invalid value 9', failed({ kind: 9 as FailureReason_Kind })],
    [
      'failure_reason: primary_error_message: must not be set when status_v2 is set; set errors instead',
      failed({ kind: CRASH, primaryErrorMessage: 'm' }),
    ],
    [
      'failure_reason: primary_error_message: exceeds the maximum size of 1024 bytes',
      { ...old, failureReason: { primaryErrorMessage: long } },
    ],
    [
      'failure_reason: errors[0]: message: must match primary_error_message, if set',
      { ...old, failureReason: { primaryErrorMessage: 'm', errors: [{ message: 'n' }] } },
    ],
    [
      'failure_reason: errors[1]: message: unspecified',
      failed({ kind: CRASH, errors: [{ message: 'm' }, {}] }),
    ],
    [
      'failure_reason: errors[0]: message: exceeds the maximum size of 1024 bytes',
      failed({ kind: CRASH, errors: [{ message: long }] }),
    ],
    [
      'failure_reason: errors[0]: trace: exceeds the maximum size of 4096 bytes',
      failed({ kind: CRASH, errors: [{ message: 'm', trace: 'x'.repeat(4097) }] }),
    ],
    [
      'failure_reason: errors: exceeds the maximum total size of 16384 bytes',
      failed({ kind: CRASH, errors: Array(4).fill({ message: 'm', trace: 'x'.repeat(4096) }) }),
    ],
    [
      'failure_reason: truncated_errors_count: must be non-negative',
      failed({ ...reason, truncatedErrorsCount: -1 }),
    ],
    [
      'properties: exceeds the maximum size of 8192 bytes',
      { ...old, properties: { a: 'x'.repeat(8192) } },
    ],
    ['skipped_reason: kind: cannot be KIND_UNSPECIFIED', { statusV2: SKIPPED, skippedReason: {} }],
    [
      'skipped_reason: reason_message: must be set when skipped reason kind is OTHER',
      { statusV2: SKIPPED, skippedReason: { kind: OTHER } },
    ],
    [
      'skipped_reason: trace: exceeds the maximum size of 4096 bytes',
      {
        statusV2: SKIPPED,
        skippedReason: { kind: OTHER, reasonMessage: 'm', trace: long.repeat(9) },
      },
    ],
    [
      'framework_extensions: web_test: status: cannot be STATUS_UNSPECIFIED',
      { statusV2: PASSED, ...webTest(true, WebTest_Status.STATUS_UNSPECIFIED) },
    ],
    [
      'web_test: is_expected: a result with a top-level status_v2 of PASSED must be marked expected',
      { statusV2: PASSED, ...webTest(false, WebTest_Status.FAIL) },
    ],
    [
      'web_test: is_expected: a result with a top-level status_v2 of PRECLUDED must be marked unexpected',
      { statusV2: PRECLUDED, ...webTest(true, WebTest_Status.SKIP) },
    ],
    [
      'web_test: status: a result with a top-level status_v2 of PASSED must not be marked a web test skip',
      { statusV2: PASSED, ...webTest(true, WebTest_Status.SKIP) },
    ],
    [
      'web_test: status: a result with a top-level status_v2 of PRECLUDED may not be used',
      { statusV2: PRECLUDED, ...webTest(false, WebTest_Status.FAIL) },
    ],
  ])('%s', async (message, init) => {
    const services = await openServices(await openTestPglite({ migrated: false }));
    await expect(record(services, init)).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining(
        `test_result: ${message.startsWith('web_test') ? 'framework_extensions: ' : ''}${message}`,
      ),
    });
  });
});

eachDatabase((open) => {
  const trace = { message: 'm', trace: 't' };
  test.each<[string, ResultInit, ResultInit]>([
    [
      'a failure of the older form gets a kind, and its message becomes the first error',
      { status: TestStatus.ABORT, failureReason: { primaryErrorMessage: 'm' } },
      {
        statusV2: FAILED,
        failureReason: { kind: TIMEOUT, primaryErrorMessage: 'm', errors: [{ message: 'm' }] },
      },
    ],
    [
      'a failure without a reason gets one',
      { status: TestStatus.CRASH },
      { statusV2: FAILED, failureReason: { kind: CRASH } },
    ],
    [
      'a failure of the newer form gets a status and a primary message, and keeps its traces',
      {
        statusV2: FAILED,
        failureReason: { kind: TIMEOUT, errors: [trace], truncatedErrorsCount: 3 },
      },
      {
        status: TestStatus.ABORT,
        statusV2: FAILED,
        failureReason: {
          kind: TIMEOUT,
          primaryErrorMessage: 'm',
          errors: [trace],
          truncatedErrorsCount: 3,
        },
      },
    ],
    [
      'a kind that the older status does not tell is kept',
      { statusV2: FAILED, failureReason: { ...reason, kind: CRASH }, ...webTest(false, 1) },
      {
        status: TestStatus.PASS,
        failureReason: { kind: CRASH, primaryErrorMessage: 'm' },
        ...webTest(false, 1),
      },
    ],
    [
      'a reason of a result that passed has no kind',
      { status: TestStatus.PASS, expected: true, failureReason: { primaryErrorMessage: 'a' } },
      { statusV2: PASSED, failureReason: { kind: 0, errors: [{ message: 'a' }] } },
    ],
    [
      'an expected failure has passed',
      { status: TestStatus.FAIL, expected: true },
      { statusV2: PASSED, ...webTest(true, WebTest_Status.FAIL) },
    ],
    [
      'a web test has the status that its extension tells',
      { statusV2: PASSED, ...webTest(true, WebTest_Status.CRASH) },
      { status: TestStatus.CRASH, expected: true, ...webTest(true, WebTest_Status.CRASH) },
    ],
    [
      'a skipped test keeps its reason',
      {
        statusV2: SKIPPED,
        skippedReason: { kind: DISABLED_AT_DECLARATION, reasonMessage: 'm', trace: 't' },
      },
      {
        status: TestStatus.SKIP,
        expected: true,
        skippedReason: { kind: DISABLED_AT_DECLARATION, reasonMessage: 'm', trace: 't' },
      },
    ],
    [
      'a skip of the older form keeps its reason',
      { status: TestStatus.SKIP, expected: true, skipReason: AUTOMATICALLY_DISABLED_FOR_FLAKINESS },
      { statusV2: SKIPPED, skipReason: AUTOMATICALLY_DISABLED_FOR_FLAKINESS },
    ],
    [
      'an unexpected skip could not run',
      { status: TestStatus.SKIP },
      { statusV2: EXECUTION_ERRORED },
    ],
    [
      'a test that was precluded stays precluded',
      { statusV2: PRECLUDED, properties: { '@type': 'a', deep: [{ b: null }] } },
      {
        status: TestStatus.SKIP,
        statusV2: PRECLUDED,
        properties: { '@type': 'a', deep: [{ b: null }] },
      },
    ],
  ])('%s', async (_what, init, shown) => {
    const services = await openServices(await open());
    await services.create('u-inv');
    const recorded = await record(services, init);
    expect(recorded).toMatchObject(shown);
    const request = create(GetTestResultRequestSchema, { name: recorded.name });
    expect(await services.resultDb.getTestResult(request, contextOf(OWNER))).toEqual(recorded);
  });
});
