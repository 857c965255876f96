/**
 * What a row stores of an outcome besides the status. Whatever follows from other columns is left out: a
 * result of which nobody said more than its status has neither a failure reason nor details.
 */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  type FailureReason,
  FailureReason_ErrorSchema,
  FailureReason_Kind,
  FailureReasonSchema,
} from '../../gen/luci/resultdb/v1/failure_reason_pb.js';
import {
  type FrameworkExtensions,
  FrameworkExtensionsSchema,
  TestResult_Status,
  type TestResult as TestResultMessage,
  TestResultSchema,
} from '../../gen/luci/resultdb/v1/test_result_pb.js';
import type { TestResult } from '../test-result.ts';
import type { TestStatus } from '../test-status.ts';
import { type NewOutcome, type OldOutcome, toNewOutcome, toOldOutcome } from './statuses.ts';

/** The fields of a result that tell how it ended. */
export type OutcomeFields = Pick<
  TestResultMessage,
  | 'statusV2'
  | 'failureReason'
  | 'skipReason'
  | 'skippedReason'
  | 'frameworkExtensions'
  | 'properties'
>;

export type StoredOutcome = OldOutcome & Pick<TestResult, 'failureReason' | 'details'>;

/** `status` is undefined if the result has a status of the newer form. */
export function storeOutcome(
  result: OutcomeFields & Pick<TestResultMessage, 'expected'>,
  status: TestStatus | undefined,
): StoredOutcome {
  const old =
    status === undefined
      ? toOldOutcome(newOutcomeOf(result))
      : { status, expected: result.expected };
  const computed = toNewOutcome(old);
  return {
    ...old,
    failureReason: storeFailureReason(result.failureReason, computed),
    details: storeDetails(result, computed),
  };
}

/** Returns what a row stores, completed by what follows from its status. */
export function readOutcome(
  stored: OldOutcome & Pick<TestResult, 'failureReason' | 'details'>,
): Pick<OutcomeFields, 'statusV2'> & Partial<OutcomeFields> {
  const computed = toNewOutcome(stored);
  const { details } = stored;
  const own = details && fromBinary(TestResultSchema, details);
  const statusV2 = own?.statusV2 || computed.status;
  const { webTest } = computed;
  const extensions =
    own?.frameworkExtensions ?? (webTest && create(FrameworkExtensionsSchema, { webTest }));
  const failureReason = readFailureReason(stored.failureReason, { ...computed, status: statusV2 });
  return {
    statusV2,
    ...(failureReason && { failureReason }),
    ...(extensions && { frameworkExtensions: extensions }),
    ...(own && { skipReason: own.skipReason }),
    ...(own?.skippedReason && { skippedReason: own.skippedReason }),
    ...(own?.properties && { properties: own.properties }),
  };
}

/** Returns the whole failure reason: with its kind, the first error, and the message of that. */
export function readFailureReason(
  stored: Uint8Array | undefined,
  { kind, status }: Pick<NewOutcome, 'kind' | 'status'>,
): FailureReason | undefined {
  const isFailed = status === TestResult_Status.FAILED;
  if (stored === undefined && !isFailed) return undefined;
  const reason = fromBinary(FailureReasonSchema, stored ?? new Uint8Array());
  const message = reason.primaryErrorMessage;
  if (isFailed && reason.kind === FailureReason_Kind.KIND_UNSPECIFIED) reason.kind = kind;
  if (message === '') reason.primaryErrorMessage = reason.errors[0]?.message ?? '';
  else if (reason.errors.length === 0) {
    reason.errors.push(create(FailureReason_ErrorSchema, { message }));
  }
  return reason;
}

function newOutcomeOf({ failureReason, frameworkExtensions, statusV2 }: OutcomeFields): NewOutcome {
  const { KIND_UNSPECIFIED } = FailureReason_Kind;
  const kind = failureReason?.kind ?? KIND_UNSPECIFIED;
  return { status: statusV2, kind, webTest: frameworkExtensions?.webTest };
}

/** A message without a trace is stored once, as the first error follows from it. */
function storeFailureReason(
  reason: FailureReason | undefined,
  computed: NewOutcome,
): Uint8Array | undefined {
  if (reason === undefined) return undefined;
  const [first, ...others] = reason.errors;
  const isPlain = first === undefined || (others.length === 0 && first.trace === '');
  const primaryErrorMessage = first?.message ?? reason.primaryErrorMessage;
  const bytes = toBinary(
    FailureReasonSchema,
    create(FailureReasonSchema, {
      kind: reason.kind === computed.kind ? FailureReason_Kind.KIND_UNSPECIFIED : reason.kind,
      truncatedErrorsCount: reason.truncatedErrorsCount,
      ...(isPlain ? { primaryErrorMessage } : { errors: reason.errors }),
    }),
  );
  return isImplied(bytes, computed) ? undefined : bytes;
}

/** Each failed result has a reason when it is read, so an empty one is not stored. */
function isImplied(bytes: Uint8Array, { status }: NewOutcome): boolean {
  return bytes.length === 0 && status === TestResult_Status.FAILED;
}

function storeDetails(result: OutcomeFields, computed: NewOutcome): Uint8Array | undefined {
  const { frameworkExtensions, properties, skippedReason, skipReason, statusV2 } = result;
  const isNew = statusV2 !== TestResult_Status.STATUS_UNSPECIFIED;
  const bytes = toBinary(
    TestResultSchema,
    create(TestResultSchema, {
      ...(isNew && statusV2 !== computed.status ? { statusV2 } : {}),
      skipReason,
      ...(skippedReason && { skippedReason }),
      ...(frameworkExtensions && !isSame(frameworkExtensions, computed) && { frameworkExtensions }),
      ...(properties && { properties }),
    }),
  );
  return bytes.length === 0 ? undefined : bytes;
}

function isSame({ webTest }: FrameworkExtensions, computed: NewOutcome): boolean {
  return (
    webTest !== undefined &&
    webTest.isExpected === computed.webTest?.isExpected &&
    webTest.status === computed.webTest?.status
  );
}
