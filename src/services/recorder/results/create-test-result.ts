import { CodedError } from '@postlude/queue/foundations';
import type { CreateTestResultRequest } from '../../../gen/luci/resultdb/v1/recorder_pb.js';
import type { TestResult } from '../../../gen/luci/resultdb/v1/test_result_pb.js';
import { parseInvocationName } from '../../../invocations/id.ts';
import type { CallContext } from '../../shared/call-context.ts';
import { inField } from '../../shared/field.ts';
import { checkRequestId } from '../batch.ts';
import type { RecorderParts } from '../parts.ts';
import { checkNewTestResult, createTestResults, rulesOf } from './new-test-results.ts';

export async function createTestResult(
  parts: RecorderParts,
  request: CreateTestResultRequest,
  context: CallContext,
): Promise<TestResult> {
  const id = inField('invocation', () => parseInvocationName(request.invocation));
  checkRequestId(request.requestId);
  const checked = checkNewTestResult(request, rulesOf(parts));
  const [result] = await createTestResults(parts, context, { id, results: [checked] });
  if (!result) throw new CodedError('data-loss', 'the result was not recorded');
  return result;
}
