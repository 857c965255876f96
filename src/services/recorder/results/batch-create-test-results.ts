import { create } from '@bufbuild/protobuf';
import {
  type BatchCreateTestResultsRequest,
  type BatchCreateTestResultsResponse,
  BatchCreateTestResultsResponseSchema,
} from '../../../gen/luci/resultdb/v1/recorder_pb.js';
import { parseInvocationName } from '../../../invocations/id.ts';
import type { CallContext } from '../../shared/call-context.ts';
import { inField } from '../../shared/field.ts';
import { checkBatch, requireDistinct, requireSame } from '../batch.ts';
import type { RecorderParts } from '../parts.ts';
import { checkNewTestResult, createTestResults, rulesOf } from './new-test-results.ts';

/** Existing results are overwritten, so a repeated request changes nothing. */
export async function batchCreateTestResults(
  parts: RecorderParts,
  request: BatchCreateTestResultsRequest,
  context: CallContext,
): Promise<BatchCreateTestResultsResponse> {
  const id = inField('invocation', () => parseInvocationName(request.invocation));
  const rules = rulesOf(parts);
  const checked = checkBatch(request, (inner, index) => {
    requireSame('invocation', inner.invocation, request.invocation);
    return checkNewTestResult(inner, rules, index);
  });
  // Result ids contain no blanks, so different results cannot have the same key.
  requireDistinct(checked, ({ result: { resultId, testId } }) => `${resultId} ${testId}`);
  const testResults = await createTestResults(parts, context, { id, results: checked });
  return create(BatchCreateTestResultsResponseSchema, { testResults });
}
