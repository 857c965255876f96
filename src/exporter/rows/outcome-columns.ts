/** The columns of a test result that say how the test ended, beside the older `expected` and `status`. */
import {
  type FailureReason,
  FailureReason_Kind,
} from '../../gen/luci/resultdb/v1/failure_reason_pb.js';
import {
  SkippedReason_Kind,
  SkipReason,
  TestResult_Status,
  type TestResult as TestResultMessage,
  WebTest_Status,
} from '../../gen/luci/resultdb/v1/test_result_pb.js';
import { readOutcome } from '../../results/outcome/stored-outcome.ts';
import type { TestResult } from '../../results/test-result.ts';

export interface FailureReasonRecord {
  readonly primary_error_message: string;
  readonly kind: string | undefined;
  readonly errors: readonly { readonly message: string; readonly trace: string }[];
  readonly truncated_errors_count: number;
}

export interface SkippedReasonRecord {
  readonly kind: string | undefined;
  readonly reason_message: string;
  readonly trace: string;
}

export interface FrameworkExtensionsRecord {
  readonly web_test: WebTestRecord | undefined;
}

interface WebTestRecord {
  readonly is_expected: boolean;
  readonly status: string | undefined;
}

export interface OutcomeColumns {
  readonly failure_reason: FailureReasonRecord | undefined;
  /** JSON. */
  readonly properties: string | undefined;
  readonly skip_reason: string | undefined;
  readonly status_v2: string | undefined;
  readonly skipped_reason: SkippedReasonRecord | undefined;
  readonly framework_extensions: FrameworkExtensionsRecord | undefined;
}

export function toOutcomeColumns(result: TestResult): OutcomeColumns {
  const outcome = readOutcome(result);
  const { failureReason, properties, skipReason = SkipReason.SKIP_REASON_UNSPECIFIED } = outcome;
  return {
    failure_reason: failureReason && toFailureReason(failureReason),
    properties: properties && JSON.stringify(properties),
    skip_reason: nameOf(SkipReason, skipReason),
    status_v2: nameOf(TestResult_Status, outcome.statusV2),
    skipped_reason: toSkippedReason(outcome.skippedReason),
    framework_extensions: toFrameworkExtensions(outcome.frameworkExtensions),
  };
}

function toFailureReason(reason: FailureReason): FailureReasonRecord {
  return {
    primary_error_message: reason.primaryErrorMessage,
    kind: nameOf(FailureReason_Kind, reason.kind),
    errors: reason.errors.map(({ message, trace }) => ({ message, trace })),
    truncated_errors_count: reason.truncatedErrorsCount,
  };
}

function toSkippedReason(
  reason: TestResultMessage['skippedReason'],
): SkippedReasonRecord | undefined {
  if (!reason) return undefined;
  const { kind, reasonMessage, trace } = reason;
  return { kind: nameOf(SkippedReason_Kind, kind), reason_message: reasonMessage, trace };
}

function toFrameworkExtensions(
  extensions: TestResultMessage['frameworkExtensions'],
): FrameworkExtensionsRecord | undefined {
  if (!extensions) return undefined;
  const { webTest } = extensions;
  return {
    web_test: webTest && {
      is_expected: webTest.isExpected,
      status: nameOf(WebTest_Status, webTest.status),
    },
  };
}

/** Returns `undefined` for the value that means "unspecified". */
function nameOf(names: Readonly<Record<number, string>>, value: number): string | undefined {
  return value === 0 ? undefined : names[value];
}
