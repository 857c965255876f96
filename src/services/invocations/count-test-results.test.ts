import { create } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { eachDatabase } from '../../../test/support/databases/databases.ts';
import {
  contextOf,
  OWNER,
  openServices,
  type Services,
} from '../../../test/support/server/rpc-services.ts';
import { BatchCreateTestResultsRequestSchema } from '../../gen/luci/resultdb/v1/recorder_pb.js';
import { QueryTestResultStatisticsRequestSchema } from '../../gen/luci/resultdb/v1/resultdb_pb.js';
import { TestStatus } from '../../gen/luci/resultdb/v1/test_result_pb.js';
import { CountTestResultsRequestSchema } from '../../gen/postlude/v1/invocations_pb.js';
import { realmAuthorizer } from '../shared/permissions.ts';

async function record(services: Services, id: string, ...statuses: readonly TestStatus[]) {
  const requests = statuses.map((status, number) => ({
    testResult: { testId: `t${number}`, resultId: 'r', status, expected: number === 0 },
  }));
  const request = { invocation: `invocations/${id}`, requests };
  await services.recorder.batchCreateTestResults(
    create(BatchCreateTestResultsRequestSchema, request),
    services.owner(id),
  );
}

async function countsOf(services: Services, id: string): Promise<string[]> {
  const { counts } = await services.invocations.countTestResults(
    create(CountTestResultsRequestSchema, { name: `invocations/${id}` }),
    contextOf(OWNER),
  );
  return counts.map(({ status, ...count }) => {
    return `${TestStatus[status]} ${count.expected} + ${count.unexpected}`;
  });
}

async function totalOf({ resultDb }: Services, ...ids: readonly string[]): Promise<bigint> {
  const invocations = ids.map((id) => `invocations/${id}`);
  const request = create(QueryTestResultStatisticsRequestSchema, { invocations });
  const { totalTestResults } = await resultDb.queryTestResultStatistics(request, contextOf(OWNER));
  return totalTestResults;
}

eachDatabase((open) => {
  test('results are counted by status, including those of everything that is included', async () => {
    const services = await openServices(await open());
    for (const id of ['u-a', 'u-b', 'u-out']) await services.create(id);
    const includedInvocations = ['invocations/u-a', 'invocations/u-b'];
    await services.create('u-top', { includedInvocations });
    await record(services, 'u-top', TestStatus.PASS);
    await record(services, 'u-a', TestStatus.PASS, TestStatus.FAIL, TestStatus.PASS);
    await record(services, 'u-b', TestStatus.SKIP, TestStatus.FAIL);
    await record(services, 'u-out', TestStatus.CRASH);
    expect(await countsOf(services, 'u-top')).toEqual(['PASS 2 + 1', 'FAIL 0 + 2', 'SKIP 1 + 0']);
    expect(await countsOf(services, 'u-b')).toEqual(['FAIL 0 + 1', 'SKIP 1 + 0']);
    expect(await totalOf(services, 'u-top')).toBe(6n);
    expect(await totalOf(services, 'u-b', 'u-out', 'u-b')).toBe(3n);
    expect(await totalOf(services, 'u-top', 'u-a')).toBe(6n);
  });

  test('a total needs an invocation, and the right to list its results', async () => {
    const db = await open();
    const services = await openServices(db);
    await services.create('u-a');
    const total = (names: string[], { resultDb } = services) => {
      const request = create(QueryTestResultStatisticsRequestSchema, { invocations: names });
      return resultDb.queryTestResultStatistics(request, contextOf(OWNER));
    };
    await expect(total([])).rejects.toThrow('invocations: must name an invocation');
    await expect(total(['u-a'])).rejects.toThrow('invocations[0]: not the name');
    const refusing = await openServices(db, { authorizer: realmAuthorizer({}) });
    await expect(total(['invocations/u-a'], refusing)).rejects.toThrow('resultdb.testResults.list');
  });

  test('an invocation without results has no counts', async () => {
    const services = await openServices(await open());
    await services.create('u-a');
    expect(await countsOf(services, 'u-a')).toEqual([]);
    expect(await totalOf(services, 'u-a')).toBe(0n);
  });
});
