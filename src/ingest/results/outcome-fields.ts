/**
 * The fields of a message that say how a test ended. A skipped test whose reason is known needs the newer
 * form; all others have the older one, from which the server computes the newer, with the kind of a failure.
 */
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { FailureReasonSchema } from '../../gen/luci/resultdb/v1/failure_reason_pb.js';
import {
  SkippedReason_Kind,
  type SkippedReasonSchema,
  TestResult_Status,
  TestStatus,
} from '../../gen/luci/resultdb/v1/test_result_pb.js';
import { MAX_ERROR_MESSAGE_BYTES, MAX_TRACE_BYTES } from '../../results/limits.ts';
import type { Execution } from '../execution.ts';
import type { FoundResult } from '../report.ts';
import type { TestResultMessage } from './result-batch.ts';
import { plainText } from './summary-html.ts';
import { shortenTo } from './test-id.ts';

type OutcomeFields = Pick<
  TestResultMessage,
  'expected' | 'status' | 'statusV2' | 'failureReason' | 'skippedReason'
>;

export function outcomeFieldsOf({ execution, expected, status }: FoundResult): OutcomeFields {
  if (!expected) return { expected, status: TestStatus[status], ...failureReasonOf(execution) };
  const skippedReason = status === 'SKIP' ? skippedReasonOf(execution) : undefined;
  if (skippedReason) return { statusV2: TestResult_Status.SKIPPED, skippedReason };
  return { expected, status: TestStatus[status] };
}

/** If the report does not separate the message, the summary begins with it. */
function failureReasonOf({
  errorMessage,
  summary,
}: Execution): Pick<OutcomeFields, 'failureReason'> {
  const text = plainText(summary).trim();
  const message = plainText(errorMessage ?? '').trim() || firstLinesOf(text);
  const primaryErrorMessage = shortenTo(message, MAX_ERROR_MESSAGE_BYTES);
  if (primaryErrorMessage === '') return {};
  const failureReason: MessageInitShape<typeof FailureReasonSchema> = { primaryErrorMessage };
  const trace = traceOf(text, message);
  if (trace !== '') failureReason.errors = [{ message: primaryErrorMessage, trace }];
  return { failureReason };
}

function firstLinesOf(text: string): string {
  return text.split(/\n\s*(?:at |\n)/, 1)[0] ?? '';
}

/** Returns what the text has besides the message at its beginning. */
function traceOf(text: string, message: string): string {
  const rest = text.startsWith(message) ? text.slice(message.length) : text;
  return shortenTo(rest.replace(/^\s*\n/, ''), MAX_TRACE_BYTES).trimEnd();
}

/** Returns `undefined` if the report says neither a kind nor a reason. */
function skippedReasonOf({
  skippedBy,
  summary,
}: Execution): MessageInitShape<typeof SkippedReasonSchema> | undefined {
  const words = plainText(summary)
    .replaceAll(/[^\p{L}\p{M}\p{N}\p{P}\p{S}]+/gu, ' ')
    .trim();
  const reasonMessage = shortenTo(words.normalize('NFC'), MAX_ERROR_MESSAGE_BYTES);
  const { DISABLED_AT_DECLARATION, OTHER, SKIPPED_BY_TEST_BODY } = SkippedReason_Kind;
  if (skippedBy === 'declaration') return { kind: DISABLED_AT_DECLARATION, reasonMessage };
  if (skippedBy === 'test') return { kind: SKIPPED_BY_TEST_BODY, reasonMessage };
  return reasonMessage === '' ? undefined : { kind: OTHER, reasonMessage };
}
