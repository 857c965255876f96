/** Records one test result or a batch. */
import type { EpochMs } from '@postlude/queue/foundations';
import type { CreateTestResultRequest } from '../../../gen/luci/resultdb/v1/recorder_pb.js';
import type { TestResult as TestResultMessage } from '../../../gen/luci/resultdb/v1/test_result_pb.js';
import type { InvocationId } from '../../../invocations/id.ts';
import { sortPairs } from '../../../invocations/string-pair.ts';
import type { NewTestResult } from '../../../results/test-result.ts';
import { recordTestResults } from '../../../results/test-results.ts';
import { variantHash } from '../../../results/variant.ts';
import type { CallContext } from '../../shared/call-context.ts';
import { inField, invalid } from '../../shared/field.ts';
import { toTestResultMessage } from '../../shared/result-message.ts';
import { mutateInvocation } from '../mutate-invocation.ts';
import type { RecorderParts } from '../parts.ts';
import { checkTestResult } from './validate-test-result.ts';

export function checkNewTestResult(
  { testResult }: CreateTestResultRequest,
  now: EpochMs,
): NewTestResult {
  return inField('test_result', () => {
    if (testResult === undefined) throw invalid('must be set');
    return checkTestResult(testResult, now);
  });
}

/**
 * Writes all or nothing, and returns the results as reads will show them; none if the caller prefers a
 * minimal response.
 */
export async function createTestResults(
  parts: RecorderParts,
  context: CallContext,
  { id, results }: { readonly id: InvocationId; readonly results: readonly NewTestResult[] },
): Promise<TestResultMessage[]> {
  await mutateInvocation({ parts, context, id }, (tx) => recordTestResults(tx, id, results));
  if (context.prefersMinimal === true) return [];
  return results.map((result) =>
    toTestResultMessage({
      startTime: undefined,
      durationMicros: undefined,
      testLocation: undefined,
      testMetadata: undefined,
      failureReason: undefined,
      details: undefined,
      ...result,
      tags: sortPairs(result.tags ?? []),
      invocationId: id,
      variantHash: variantHash(result.variant),
    }),
  );
}
