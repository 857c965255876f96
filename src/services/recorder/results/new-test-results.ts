/** Records one test result or a batch. */
import { CodedError } from '@postlude/queue/foundations';
import type { CreateTestResultRequest } from '../../../gen/luci/resultdb/v1/recorder_pb.js';
import type { TestResult as TestResultMessage } from '../../../gen/luci/resultdb/v1/test_result_pb.js';
import { decodeFields } from '../../../invocations/fields/stored-fields.ts';
import type { InvocationId } from '../../../invocations/id.ts';
import type { Invocation } from '../../../invocations/invocation.ts';
import { sortPairs } from '../../../invocations/string-pair.ts';
import type { NewTestResult } from '../../../results/test-result.ts';
import { recordTestResults } from '../../../results/test-results.ts';
import { variantHash } from '../../../results/variant.ts';
import type { CallContext } from '../../shared/call-context.ts';
import { inField, invalid } from '../../shared/field.ts';
import { toTestResultMessage } from '../../shared/result-message.ts';
import { problemOfModule } from '../fields/module-id.ts';
import { mutateInvocation } from '../mutate-invocation.ts';
import type { RecorderParts } from '../parts.ts';
import { checkTestResult, type ResultRules } from './validate-test-result.ts';

/** A result that passed all checks and may be recorded. */
export interface CheckedTestResult {
  readonly result: NewTestResult;
  /** Where the result is in the request. */
  readonly field: string;
  /** Older clients leave out an empty variant, and so does the response to them. */
  readonly hasVariant: boolean;
}

export function rulesOf({ clock, schemes }: RecorderParts): ResultRules {
  return { now: clock.now(), schemes };
}

export function checkNewTestResult(
  { testResult }: CreateTestResultRequest,
  rules: ResultRules,
  index?: number,
): CheckedTestResult {
  return inField('test_result', () => {
    if (testResult === undefined) throw invalid('unspecified');
    const { testIdStructured, variant } = testResult;
    return {
      result: checkTestResult(testResult, rules),
      field: index === undefined ? 'test_result' : `requests[${index}]: test_result`,
      hasVariant: testIdStructured !== undefined || variant !== undefined,
    };
  });
}

/**
 * Writes all or nothing, and returns the results as reads will show them, but for missing variants; none
 * if the caller prefers a minimal response.
 */
export async function createTestResults(
  parts: RecorderParts,
  context: CallContext,
  { id, results }: { readonly id: InvocationId; readonly results: readonly CheckedTestResult[] },
): Promise<TestResultMessage[]> {
  const recorded = results.map(({ result }) => result);
  const variants = recorded.map(({ variant }) => variant);
  const isKnown = parts.variantUnions.isKnown(id, variants);
  const lock = isKnown ? 'share' : 'update';
  await mutateInvocation({ parts, context, id, lock }, async (tx, invocation) => {
    requireModules(invocation, results);
    if (!isKnown) await parts.variantUnions.add(tx, invocation, variants);
    await recordTestResults(tx, id, recorded);
  });
  if (context.prefersMinimal === true) return [];
  return results.map((checked) => toMessage(checked, id));
}

function requireModules({ details }: Invocation, results: readonly CheckedTestResult[]): void {
  const { moduleId } = decodeFields(details);
  if (moduleId === undefined) return;
  for (const { field, result } of results) {
    const problem = problemOfModule(result, moduleId);
    if (problem !== undefined) throw new CodedError('failed-precondition', `${field}: ${problem}`);
  }
}

function toMessage({ hasVariant, result }: CheckedTestResult, id: InvocationId): TestResultMessage {
  const message = toTestResultMessage({
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
  });
  if (!hasVariant) {
    delete message.variant;
    delete message.testIdStructured?.moduleVariant;
  }
  return message;
}
