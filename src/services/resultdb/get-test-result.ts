import { CodedError } from '@postlude/queue/foundations';
import type { GetTestResultRequest } from '../../gen/luci/resultdb/v1/resultdb_pb.js';
import type { TestResult } from '../../gen/luci/resultdb/v1/test_result_pb.js';
import { readTestResult } from '../../results/test-results.ts';
import type { CallContext } from '../shared/call-context.ts';
import { inField } from '../shared/field.ts';
import { requireInRealms } from '../shared/readable.ts';
import { toTestResultMessage } from '../shared/result-message.ts';
import { parseTestResultName } from '../shared/result-name.ts';
import type { ResultDbParts } from './parts.ts';

export async function getTestResult(
  parts: ResultDbParts,
  { name }: GetTestResultRequest,
  context: CallContext,
): Promise<TestResult> {
  const key = inField('name', () => parseTestResultName(name));
  await requireInRealms(parts, context, {
    permission: 'resultdb.testResults.get',
    ids: [key.invocationId],
  });
  const result = await parts.db.read((tx) => readTestResult(tx, key), context);
  if (!result) throw new CodedError('not-found', `${name} does not exist`);
  return toTestResultMessage(result);
}
