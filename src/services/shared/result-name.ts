/** Names of results and exonerations: `invocations/i/tests/{escaped test id}/results/r`. */
import { invocationName, parseInvocationName } from '../../invocations/id.ts';
import type { TestExonerationKey } from '../../results/exoneration.ts';
import { checkTestId } from '../../results/identity/check-id.ts';
import type { TestResultKey } from '../../results/test-result.ts';
import { inField, invalid, requireMatch } from './field.ts';
import { escapePathSegment, unescapePathSegment } from './path-segment.ts';

const RESULT_ID_PATTERN = /^[a-z0-9\-_.]{1,32}$/;
const NAME_PATTERN = /^(invocations\/[^/]+)\/tests\/([^/]+)\/(results|exonerations)\/([^/]+)$/;

export function testResultName({ invocationId, testId, resultId }: TestResultKey): string {
  return `${invocationName(invocationId)}/tests/${escapePathSegment(testId)}/results/${resultId}`;
}

export function exonerationName({
  invocationId,
  testId,
  exonerationId,
}: TestExonerationKey): string {
  const test = escapePathSegment(testId);
  return `${invocationName(invocationId)}/tests/${test}/exonerations/${exonerationId}`;
}

/** Throws `invalid-argument`. */
export function parseTestResultName(name: string): TestResultKey {
  const { id, ...test } = parseName(name, 'results');
  return { ...test, resultId: id };
}

/** Throws `invalid-argument`. */
export function parseExonerationName(name: string): TestExonerationKey {
  const { id, ...test } = parseName(name, 'exonerations');
  return { ...test, exonerationId: id };
}

/** Throws `invalid-argument`. */
export function checkResultId(resultId: string): string {
  return requireMatch(resultId, RESULT_ID_PATTERN);
}

function parseName(name: string, collection: 'results' | 'exonerations') {
  const [, invocation, test, kind, id] = NAME_PATTERN.exec(name) ?? [];
  const testId = test === undefined ? undefined : unescapePathSegment(test);
  if (!invocation || !id || kind !== collection || testId === undefined) {
    throw invalid(`not of the form invocations/ID/tests/ESCAPED_TEST_ID/${collection}/ID`);
  }
  return {
    invocationId: parseInvocationName(invocation),
    testId: inField('test_id', () => checkTestId(testId)),
    id,
  };
}
