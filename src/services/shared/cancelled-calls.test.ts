import { create } from '@bufbuild/protobuf';
import type { Database, Reader, ReadOptions } from '@postlude/queue/storage';
import { describe, expect, test } from 'vitest';
import { openTestPglite } from '../../../test/support/databases/databases.ts';
import { newExoneration, newTestResult } from '../../../test/support/invocations/fixtures.ts';
import {
  contextOf,
  OWNER,
  openServices,
  type Services,
} from '../../../test/support/server/rpc-services.ts';
import { TestResultPredicate_Expectancy as Expectancy } from '../../gen/luci/resultdb/v1/predicate_pb.js';
import {
  GetArtifactRequestSchema,
  GetInvocationRequestSchema,
  GetTestExonerationRequestSchema,
  GetTestResultRequestSchema,
  ListArtifactLinesRequestSchema,
  ListArtifactsRequestSchema,
  ListTestExonerationsRequestSchema,
  ListTestResultsRequestSchema,
  QueryArtifactsRequestSchema,
  QueryRootInvocationNamesRequestSchema,
  QueryTestExonerationsRequestSchema,
  QueryTestResultStatisticsRequestSchema,
  QueryTestResultsRequestSchema,
} from '../../gen/luci/resultdb/v1/resultdb_pb.js';
import {
  CountTestResultsRequestSchema,
  ExplainInvocationRequestSchema,
  ListInvocationsRequestSchema,
} from '../../gen/postlude/v1/invocations_pb.js';
import {
  ListDeadRemindersRequestSchema,
  ListRemindersRequestSchema,
} from '../../gen/postlude/v1/push_tasks_pb.js';
import {
  GetTaskRequestSchema,
  ListDeadTasksRequestSchema,
  ListTasksRequestSchema,
} from '../../gen/postlude/v1/tasks_pb.js';
import { parseInvocationId } from '../../invocations/id.ts';
import { recordExonerations } from '../../results/exonerations.ts';
import { recordTestResults } from '../../results/test-results.ts';
import type { CallContext } from './call-context.ts';

const gone = new Error('the caller has gone');
const name = 'invocations/u-a';
const invocation = name;
const scope = { invocations: [name] };

type Call = (services: Services, context: CallContext) => Promise<unknown>;

/** Every RPC that only reads. */
const CALLS: readonly (readonly [string, Call])[] = [
  [
    'GetInvocation',
    ({ resultDb }, context) =>
      resultDb.getInvocation(create(GetInvocationRequestSchema, { name }), context),
  ],
  [
    'GetTestResult',
    ({ resultDb }, context) => {
      const request = create(GetTestResultRequestSchema, { name: `${name}/tests/t/results/r1` });
      return resultDb.getTestResult(request, context);
    },
  ],
  [
    'GetTestExoneration',
    ({ resultDb }, context) => {
      const exoneration = { name: `${name}/tests/t/exonerations/e1` };
      const request = create(GetTestExonerationRequestSchema, exoneration);
      return resultDb.getTestExoneration(request, context);
    },
  ],
  [
    'ListTestResults',
    ({ resultDb }, context) =>
      resultDb.listTestResults(create(ListTestResultsRequestSchema, { invocation }), context),
  ],
  [
    'ListTestExonerations',
    ({ resultDb }, context) => {
      const request = create(ListTestExonerationsRequestSchema, { invocation });
      return resultDb.listTestExonerations(request, context);
    },
  ],
  [
    'QueryTestResults',
    ({ resultDb }, context) => {
      const expectancy = Expectancy.VARIANTS_WITH_ONLY_UNEXPECTED_RESULTS;
      const request = create(QueryTestResultsRequestSchema, {
        ...scope,
        predicate: { expectancy },
      });
      return resultDb.queryTestResults(request, context);
    },
  ],
  [
    'QueryTestExonerations',
    ({ resultDb }, context) => {
      const request = create(QueryTestExonerationsRequestSchema, scope);
      return resultDb.queryTestExonerations(request, context);
    },
  ],
  [
    'QueryRootInvocationNames',
    ({ resultDb }, context) => {
      const request = create(QueryRootInvocationNamesRequestSchema, { name });
      return resultDb.queryRootInvocationNames(request, context);
    },
  ],
  [
    'QueryTestResultStatistics',
    ({ resultDb }, context) => {
      const request = create(QueryTestResultStatisticsRequestSchema, scope);
      return resultDb.queryTestResultStatistics(request, context);
    },
  ],
  [
    'GetArtifact',
    ({ resultDb }, context) => {
      const artifact = { name: `${name}/artifacts/a` };
      return resultDb.getArtifact(create(GetArtifactRequestSchema, artifact), context);
    },
  ],
  [
    'ListArtifacts',
    ({ resultDb }, context) =>
      resultDb.listArtifacts(create(ListArtifactsRequestSchema, { parent: name }), context),
  ],
  [
    'QueryArtifacts',
    ({ resultDb }, context) => {
      const testResultPredicate = {
        expectancy: Expectancy.VARIANTS_WITH_ONLY_UNEXPECTED_RESULTS,
      };
      const request = { ...scope, predicate: { testResultPredicate } };
      return resultDb.queryArtifacts(create(QueryArtifactsRequestSchema, request), context);
    },
  ],
  [
    'ListArtifactLines',
    ({ resultDb }, context) => {
      const request = create(ListArtifactLinesRequestSchema, { parent: `${name}/artifacts/a` });
      return resultDb.listArtifactLines(request, context);
    },
  ],
  [
    'CountTestResults',
    ({ invocations }, context) =>
      invocations.countTestResults(create(CountTestResultsRequestSchema, { name }), context),
  ],
  [
    'ExplainInvocation',
    ({ invocations }, context) =>
      invocations.explainInvocation(create(ExplainInvocationRequestSchema, { name }), context),
  ],
  [
    'ListInvocations',
    ({ invocations }, context) => {
      const request = create(ListInvocationsRequestSchema, { realm: 'p:r' });
      return invocations.listInvocations(request, context);
    },
  ],
  ['ListTasks', ({ tasks }, context) => tasks.listTasks(create(ListTasksRequestSchema), context)],
  [
    'ListDeadTasks',
    ({ tasks }, context) => tasks.listDeadTasks(create(ListDeadTasksRequestSchema), context),
  ],
  [
    'GetTask',
    ({ tasks }, context) => {
      const task = { type: 'email', id: 'a' };
      return tasks.getTask(create(GetTaskRequestSchema, { name: task }), context);
    },
  ],
  [
    'ListReminders',
    ({ pushTasks }, context) =>
      pushTasks.listReminders(create(ListRemindersRequestSchema), context),
  ],
  [
    'ListDeadReminders',
    ({ pushTasks }, context) =>
      pushTasks.listDeadReminders(create(ListDeadRemindersRequestSchema), context),
  ],
];

/** Calls `onRead` before each read, with how many there have been. */
function watched(db: Database, onRead: (reads: number) => void): Database {
  let reads = 0;
  return new Proxy(db, {
    get: (target, property: keyof Database) => {
      const value = target[property];
      if (property !== 'read') return typeof value === 'function' ? value.bind(target) : value;
      return <T>(fn: (tx: Reader) => Promise<T>, options?: ReadOptions) => {
        onRead(++reads);
        return target.read(fn, options);
      };
    },
  });
}

/** Makes the call on a database of its own, whose caller goes away in the read of that number. */
async function callGoneAt(call: Call, goneAt: number): Promise<{ reads: number; error: unknown }> {
  const db = await openTestPglite();
  const services = await openServices(db);
  await services.create('u-a');
  const id = parseInvocationId('u-a');
  await db.write(async (tx) => {
    await recordTestResults(tx, id, [newTestResult('t', { expected: false, status: 'FAIL' })]);
    await recordExonerations(tx, id, [newExoneration('t')]);
  });
  const caller = new AbortController();
  let reads = 0;
  const counted = watched(db, (count) => {
    reads = count;
    if (count === goneAt) caller.abort(gone);
  });
  const context = { ...contextOf(OWNER), signal: caller.signal };
  const outcome = await call(await openServices(counted), context).then(
    () => undefined,
    (error: unknown) => error,
  );
  await db.close();
  return { reads, error: outcome };
}

describe('a call reads nothing more once its caller has gone', () => {
  test.each(CALLS)('%s', async (_, call) => {
    const { reads } = await callGoneAt(call, 0);
    expect(reads).toBeGreaterThan(0);
    for (let goneAt = 1; goneAt <= reads; goneAt++) {
      expect(await callGoneAt(call, goneAt)).toEqual({ reads: goneAt, error: gone });
    }
  });
});
