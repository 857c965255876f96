import { expect, test } from 'vitest';
import { createInvocation, startTestServer } from '../../../test/support/server/server-world.ts';
import { TestStatus } from '../../gen/luci/resultdb/v1/test_result_pb.js';

const invocation = 'invocations/inv';
const requests = [{ testResult: { testId: 'a', resultId: 'r', status: TestStatus.PASS } }];

test.each([
  ['return=minimal', 0],
  ['respond-async, return=minimal', 0],
  ['return=representation', 1],
  [undefined, 1],
])('with the header prefer: %s, recording a result returns %i', async (prefer, returned) => {
  const started = await startTestServer();
  const token = await createInvocation(started, 'inv');
  const headers = { ...token.headers, ...(prefer === undefined ? {} : { prefer }) };
  const call = started.recorder.batchCreateTestResults({ invocation, requests }, { headers });
  expect((await call).testResults).toHaveLength(returned);
  const { testResults } = await started.resultDb.queryTestResults({ invocations: [invocation] });
  expect(testResults).toMatchObject([{ testId: 'a', resultId: 'r' }]);
});
