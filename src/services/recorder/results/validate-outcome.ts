/**
 * Checks what a result says of how the test ended. It has either a status and whether that was expected, or
 * a status of the newer form, for which more is required. The texts of the errors are ResultDB's.
 */
import { toBinary } from '@bufbuild/protobuf';
import {
  type FailureReason,
  type FailureReason_Error,
  FailureReason_ErrorSchema,
  FailureReason_Kind,
} from '../../../gen/luci/resultdb/v1/failure_reason_pb.js';
import {
  type SkippedReason,
  SkippedReason_Kind,
  SkipReason,
  type TestResult,
  TestResult_Status,
  TestStatus as TestStatusNumber,
  type WebTest,
  WebTest_Status,
} from '../../../gen/luci/resultdb/v1/test_result_pb.js';
import { problemOfPrintable } from '../../../results/identity/printable.ts';
import {
  MAX_ERROR_MESSAGE_BYTES,
  MAX_ERRORS_BYTES,
  MAX_RESULT_PROPERTIES_BYTES,
  MAX_TRACE_BYTES,
} from '../../../results/limits.ts';
import { type StoredOutcome, storeOutcome } from '../../../results/outcome/stored-outcome.ts';
import type { TestStatus } from '../../../results/test-status.ts';
import { inEach, inField, invalid, requireText } from '../../shared/field.ts';
import { encodeProperties } from '../../shared/invocation-message.ts';

const MIGRATE = 'please migrate to using status_v2 if you want to set this field';

/** Returns the parts of the record that say how the test ended. Throws `invalid-argument`. */
export function checkOutcome(result: TestResult): StoredOutcome {
  const status = checkStatuses(result);
  const { failureReason, frameworkExtensions, properties, skippedReason } = result;
  if (failureReason) {
    inField('failure_reason', () => checkFailureReason(failureReason, status === undefined));
  }
  inField('properties', () => checkProperties(properties));
  if (skippedReason) inField('skipped_reason', () => checkSkippedReason(skippedReason));
  const { webTest } = frameworkExtensions ?? {};
  if (webTest) {
    inField('framework_extensions: web_test', () => checkWebTest(webTest, result.statusV2));
  }
  return storeOutcome(result, status);
}

/** Returns the status of the older form, or `undefined` if the result has one of the newer form. */
function checkStatuses(result: TestResult): TestStatus | undefined {
  const isOld = result.status !== TestStatusNumber.STATUS_UNSPECIFIED;
  if (result.statusV2 === TestResult_Status.STATUS_UNSPECIFIED && isOld) {
    return checkOldForm(result);
  }
  inField('status_v2', () => requireKnown(TestResult_Status, result.statusV2));
  checkNewForm(result);
  return undefined;
}

function checkOldForm(result: TestResult): TestStatus {
  const status = inField('status', () => requireKnown(TestStatusNumber, result.status));
  if (result.failureReason && result.failureReason.kind !== FailureReason_Kind.KIND_UNSPECIFIED) {
    throw invalid(`failure_reason: kind: ${MIGRATE}`);
  }
  if (result.skippedReason) throw invalid(`skipped_reason: ${MIGRATE}`);
  if (result.frameworkExtensions) throw invalid(`framework_extensions: ${MIGRATE}`);
  inField('skip_reason', () => {
    if (result.skipReason === SkipReason.SKIP_REASON_UNSPECIFIED) return;
    requireKnown(SkipReason, result.skipReason);
    if (status !== 'SKIP') {
      throw invalid('value must be zero (UNSPECIFIED) when status is not SKIP');
    }
  });
  return status as TestStatus;
}

function checkNewForm(result: TestResult): void {
  const { failureReason, skippedReason, statusV2 } = result;
  for (const [field, isSet] of [
    ['status', result.status !== TestStatusNumber.STATUS_UNSPECIFIED],
    ['expected', result.expected],
  ] as const) {
    if (!isSet) continue;
    throw invalid(`${field}: must not specify at same time as status_v2; specify status_v2 only`);
  }
  const { FAILED, SKIPPED } = TestResult_Status;
  requireWith({ field: 'failure_reason', value: failureReason }, statusV2, FAILED);
  requireWith({ field: 'skipped_reason', value: skippedReason }, statusV2, SKIPPED);
  if (result.skipReason !== SkipReason.SKIP_REASON_UNSPECIFIED) {
    throw invalid(
      'skip_reason: must not be set in conjuction with status_v2; set skipped_reason.kind instead',
    );
  }
}

interface Reason {
  readonly field: string;
  readonly value: unknown;
}

/** A reason is required with one status, and refused with all others. */
function requireWith(
  { field, value }: Reason,
  actual: TestResult_Status,
  needed: TestResult_Status,
): void {
  const name = TestResult_Status[needed];
  if (actual === needed && value === undefined) {
    throw invalid(`${field}: must be set when status_v2 is ${name}`);
  }
  if (actual !== needed && value !== undefined) {
    throw invalid(`${field}: must not be set when status_v2 is not ${name}`);
  }
}

/** The older form is looser: an error may lack its message, and the first message may be given twice. */
function checkFailureReason(reason: FailureReason, isStrict: boolean): void {
  const { errors, primaryErrorMessage, truncatedErrorsCount } = reason;
  if (isStrict) {
    inField('kind', () => {
      if (reason.kind === FailureReason_Kind.KIND_UNSPECIFIED) throw invalid('unspecified');
      requireKnown(FailureReason_Kind, reason.kind);
    });
    if (primaryErrorMessage !== '') {
      throw invalid(
        'primary_error_message: must not be set when status_v2 is set; set errors instead',
      );
    }
  }
  inField('primary_error_message', () => requireSize(primaryErrorMessage, MAX_ERROR_MESSAGE_BYTES));
  const [first] = errors;
  if (first && primaryErrorMessage !== '' && first.message !== primaryErrorMessage) {
    throw invalid('errors[0]: message: must match primary_error_message, if set');
  }
  inEach('errors', errors, (error) => checkError(error, isStrict));
  const size = errors.reduce((sum, each) => sum + sizeOf(each), 0);
  if (size > MAX_ERRORS_BYTES) {
    throw invalid(`errors: exceeds the maximum total size of ${MAX_ERRORS_BYTES} bytes`);
  }
  if (truncatedErrorsCount < 0) throw invalid('truncated_errors_count: must be non-negative');
}

function sizeOf(error: FailureReason_Error): number {
  return toBinary(FailureReason_ErrorSchema, error).length;
}

function checkError({ message, trace }: FailureReason_Error, isStrict: boolean): void {
  inField('message', () => {
    requireSize(message, MAX_ERROR_MESSAGE_BYTES);
    if (isStrict && message === '') throw invalid('unspecified');
  });
  inField('trace', () => requireSize(trace, MAX_TRACE_BYTES));
}

function checkSkippedReason({ kind, reasonMessage, trace }: SkippedReason): void {
  const name = inField('kind', () => requireKnown(SkippedReason_Kind, kind));
  inField('reason_message', () => {
    requireSize(reasonMessage, MAX_ERROR_MESSAGE_BYTES);
    const problem = problemOfPrintable(reasonMessage);
    if (problem !== undefined) throw invalid(problem);
    const { DEMOTED, OTHER } = SkippedReason_Kind;
    if (reasonMessage === '' && [DEMOTED, OTHER].includes(kind)) {
      throw invalid(`must be set when skipped reason kind is ${name}`);
    }
  });
  inField('trace', () => requireSize(trace, MAX_TRACE_BYTES));
}

function checkProperties(properties: TestResult['properties']): void {
  const size = encodeProperties(properties)?.length ?? 0;
  if (size > MAX_RESULT_PROPERTIES_BYTES) {
    throw invalid(`exceeds the maximum size of ${MAX_RESULT_PROPERTIES_BYTES} bytes`);
  }
}

/** Only failed results and results that could not run may be unexpected, as they are found by that. */
function checkWebTest({ isExpected, status }: WebTest, statusV2: TestResult_Status): void {
  const { FAILED, PASSED, SKIPPED } = TestResult_Status;
  const isSkip = inField('status', () => requireKnown(WebTest_Status, status)) === 'SKIP';
  const top = `a result with a top-level status_v2 of ${TestResult_Status[statusV2]}`;
  const mustBeExpected = [PASSED, SKIPPED].includes(statusV2);
  if (isExpected !== mustBeExpected) {
    const word = mustBeExpected ? 'expected' : 'unexpected';
    throw invalid(`is_expected: ${top} must be marked ${word}`);
  }
  const hasRun = [PASSED, FAILED].includes(statusV2);
  if (isSkip && hasRun) throw invalid(`status: ${top} must not be marked a web test skip`);
  if (!(isSkip || hasRun)) {
    throw invalid(
      `status: ${top} may not be used in conjunction with with a web test fail, pass, crash or timeout`,
    );
  }
}

/** Returns the name of a value of an enum that is not its zero. */
function requireKnown(values: Readonly<Record<number, string>>, value: number): string {
  const name = values[value];
  if (name === undefined) throw invalid(`invalid value ${value}`);
  if (value === 0) throw invalid(`cannot be ${name}`);
  return name;
}

function requireSize(text: string, maxBytes: number): void {
  if (Buffer.byteLength(text) > maxBytes) {
    throw invalid(`exceeds the maximum size of ${maxBytes} bytes`);
  }
  requireText(text, maxBytes);
}
