/**
 * A server that dies at any step of a call that writes: the same call again, to another server, ends
 * in the same state as one call that nothing befell.
 */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { deadTasks } from '@postlude/queue/tables';
import { type Faults, forEachCrash } from '@postlude/queue/testing';
import { expect, test } from 'vitest';
import { SqliteDatabase } from '../../../test/support/databases/sqlite-database.ts';
import { MemorySink } from '../../../test/support/exports/memory-sink.ts';
import { FINALIZATION_TABLES } from '../../../test/support/invocations/finalization-world.ts';
import {
  contextOf,
  OWNER,
  openServices,
  type Services,
} from '../../../test/support/server/rpc-services.ts';
import { artifacts } from '../../artifacts/artifacts.ts';
import {
  BigQueryExportSchema,
  Invocation_State,
} from '../../gen/luci/resultdb/v1/invocation_pb.js';
import {
  BatchCreateArtifactsRequestSchema,
  BatchCreateInvocationsRequestSchema,
  BatchCreateTestExonerationsRequestSchema,
  BatchCreateTestResultsRequestSchema,
  CreateInvocationRequestSchema,
  CreateTestExonerationRequestSchema,
  CreateTestResultRequestSchema,
  FinalizeInvocationRequestSchema,
  UpdateIncludedInvocationsRequestSchema,
  UpdateInvocationRequestSchema,
} from '../../gen/luci/resultdb/v1/recorder_pb.js';
import { TestStatus } from '../../gen/luci/resultdb/v1/test_result_pb.js';
import { ExportInvocationRequestSchema } from '../../gen/postlude/v1/exports_pb.js';
import {
  BatchFinalizeInvocationsRequestSchema,
  EndInvocationRequestSchema,
  KeepInvocationAliveRequestSchema,
  OpenInvocationRequestSchema,
} from '../../gen/postlude/v1/invocations_pb.js';
import { exonerations } from '../../results/exonerations.ts';
import { testResults } from '../../results/test-results.ts';
import { exportInvocation } from '../exports/export-invocation.ts';
import { createInvocationsWriting } from '../invocations/service.ts';
import { toTimestamp } from '../shared/timestamp.ts';
import { createRecorder } from './service.ts';

const TABLES = [...FINALIZATION_TABLES, deadTasks, testResults, exonerations, artifacts];
const name = 'invocations/u-inv';
const requestId = 'again';
const result = { testId: 't', resultId: 'r', status: TestStatus.PASS, expected: true };
const destination = create(BigQueryExportSchema, {
  project: 'ci',
  dataset: 'tests',
  table: 'results',
  testResults: {},
});

type Call = (services: Services) => Promise<unknown>;

/** An ACTIVE invocation that includes one, and another one. */
async function someInvocations(services: Services): Promise<void> {
  for (const id of ['u-inv', 'u-in', 'u-out']) await services.create(id);
  await include({ addInvocations: ['invocations/u-in'] })(services);
}

async function finalizedInvocation(services: Services): Promise<void> {
  await services.create('u-inv');
  await finalizeIt(services);
  await services.finalizeAll();
}

const include =
  (init: { addInvocations?: string[]; removeInvocations?: string[] }): Call =>
  (services) =>
    services.recorder.updateIncludedInvocations(
      create(UpdateIncludedInvocationsRequestSchema, { includingInvocation: name, ...init }),
      services.owner('u-inv'),
    );

const finalizeIt: Call = ({ recorder, owner }) =>
  recorder.finalizeInvocation(create(FinalizeInvocationRequestSchema, { name }), owner('u-inv'));

const exportIt: Call = ({ db, clock, queue, inspector, authorizer }) =>
  exportInvocation(
    { db, clock, queue, inspector, authorizer, sink: new MemorySink() },
    create(ExportInvocationRequestSchema, { name, destination }),
    contextOf(OWNER),
  );

type Opening = MessageInitShape<typeof OpenInvocationRequestSchema>;

const open =
  (init: Opening): Call =>
  ({ invocations }) =>
    invocations.openInvocation(
      create(OpenInvocationRequestSchema, { invocationId: 'u-inv', realm: 'p:r', ...init }),
      contextOf(OWNER),
    );

const recordBy = (recorder: string): Call => open({ recorder, lostAfter: { seconds: 60n } });

/** A run that expects `u-inv`. */
const expectIt = open({ invocationId: 'u-run', expectedInvocations: [{ name }] });

async function recordedInvocation(services: Services): Promise<void> {
  await expectIt(services);
  await recordBy('first')(services);
}

const endIt =
  (init: { readonly cancelled?: boolean }): Call =>
  ({ invocations, owner }) =>
    invocations.endInvocation(
      create(EndInvocationRequestSchema, { name, reason: 'r', ...init }),
      owner('u-inv'),
    );

const CALLS: readonly [string, (services: Services) => Promise<unknown>, Call][] = [
  [
    'CreateInvocation',
    async () => undefined,
    ({ recorder }) =>
      recorder.createInvocation(
        create(CreateInvocationRequestSchema, {
          invocationId: 'u-inv',
          requestId,
          invocation: { realm: 'p:r', tags: [{ key: 'k', value: 'v' }] },
        }),
        contextOf(OWNER),
      ),
  ],
  [
    'CreateInvocation of one that is over',
    async () => undefined,
    ({ recorder }) =>
      recorder.createInvocation(
        create(CreateInvocationRequestSchema, {
          invocationId: 'u-inv',
          requestId,
          invocation: { realm: 'p:r', state: Invocation_State.FINALIZING },
        }),
        contextOf(OWNER),
      ),
  ],
  [
    'BatchCreateInvocations',
    async () => undefined,
    ({ recorder }) =>
      recorder.batchCreateInvocations(
        create(BatchCreateInvocationsRequestSchema, {
          requestId,
          requests: ['u-a', 'u-b'].map((invocationId) => ({
            invocationId,
            requestId,
            invocation: { realm: 'p:r' },
          })),
        }),
        contextOf(OWNER),
      ),
  ],
  [
    'UpdateInvocation',
    someInvocations,
    ({ clock, recorder, owner }) =>
      recorder.updateInvocation(
        create(UpdateInvocationRequestSchema, {
          invocation: { name, deadline: toTimestamp(clock.now() + 7_200_000) },
          updateMask: { paths: ['deadline'] },
        }),
        owner('u-inv'),
      ),
  ],
  [
    'UpdateIncludedInvocations that adds',
    someInvocations,
    include({ addInvocations: ['invocations/u-out'] }),
  ],
  [
    'UpdateIncludedInvocations that removes',
    someInvocations,
    include({ removeInvocations: ['invocations/u-in'] }),
  ],
  ['FinalizeInvocation', someInvocations, finalizeIt],
  [
    'CreateTestResult',
    someInvocations,
    ({ recorder, owner }) =>
      recorder.createTestResult(
        create(CreateTestResultRequestSchema, { invocation: name, requestId, testResult: result }),
        owner('u-inv'),
      ),
  ],
  [
    'BatchCreateTestResults',
    someInvocations,
    ({ recorder, owner }) =>
      recorder.batchCreateTestResults(
        create(BatchCreateTestResultsRequestSchema, {
          invocation: name,
          requestId,
          requests: ['r1', 'r2'].map((resultId) => ({ testResult: { ...result, resultId } })),
        }),
        owner('u-inv'),
      ),
  ],
  [
    'CreateTestExoneration',
    someInvocations,
    ({ recorder, owner }) =>
      recorder.createTestExoneration(
        create(CreateTestExonerationRequestSchema, {
          invocation: name,
          requestId,
          testExoneration: { testId: 't', explanationHtml: 'known', reason: 1 },
        }),
        owner('u-inv'),
      ),
  ],
  [
    'BatchCreateTestExonerations',
    someInvocations,
    ({ recorder, owner }) =>
      recorder.batchCreateTestExonerations(
        create(BatchCreateTestExonerationsRequestSchema, {
          invocation: name,
          requestId,
          requests: ['t1', 't2'].map((testId) => ({
            testExoneration: { testId, explanationHtml: 'known', reason: 1 },
          })),
        }),
        owner('u-inv'),
      ),
  ],
  [
    'BatchCreateArtifacts',
    someInvocations,
    ({ recorder, owner }) =>
      recorder.batchCreateArtifacts(
        create(BatchCreateArtifactsRequestSchema, {
          parent: name,
          requests: ['a.txt', 'b.txt'].map((artifactId) => ({
            artifact: { artifactId, contents: Buffer.from(artifactId) },
          })),
        }),
        owner('u-inv'),
      ),
  ],
  ['ExportInvocation', finalizedInvocation, exportIt],
  ['OpenInvocation of a first attempt', async () => undefined, recordBy('first')],
  ['OpenInvocation that expects others', async () => undefined, expectIt],
  ['OpenInvocation of what was expected', expectIt, recordBy('first')],
  ['OpenInvocation that supersedes another attempt', recordedInvocation, recordBy('second')],
  [
    'OpenInvocation of one that is over',
    someInvocations,
    open({ invocationId: 'u-run', includedInvocations: [name], finalize: true }),
  ],
  [
    'KeepInvocationAlive',
    recordedInvocation,
    ({ clock, invocations, owner }) => {
      clock.advance(1_000);
      const request = create(KeepInvocationAliveRequestSchema, { name, recorder: 'first' });
      return invocations.keepInvocationAlive(request, owner('u-inv'));
    },
  ],
  ['EndInvocation', recordedInvocation, endIt({})],
  [
    'BatchFinalizeInvocations',
    someInvocations,
    ({ invocations, owner }) => {
      const [updateToken = ''] = owner('u-in').updateTokens;
      const requests = [{ name }, { name: 'invocations/u-in', updateToken }];
      return invocations.batchFinalizeInvocations(
        create(BatchFinalizeInvocationsRequestSchema, { requests }),
        owner('u-inv'),
      );
    },
  ],
  ['EndInvocation that cancels', recordedInvocation, endIt({ cancelled: true })],
];

test('all calls that write are listed here', () => {
  const parts = {} as Parameters<typeof createRecorder>[0];
  const methods = { ...createRecorder(parts), ...createInvocationsWriting(parts) };
  const here = new Set(CALLS.map(([words]) => words.split(' ', 1)[0]?.toLowerCase()));
  const missing = Object.keys(methods).filter((method) => !here.has(method.toLowerCase()));
  expect(missing).toEqual([]);
});

test.each(CALLS)('%s', async (_, prepare, call) => {
  const expected = await endOf(prepare, call);
  const steps = await forEachCrash(async (faults) => {
    expect(await endOf(prepare, call, faults)).toEqual(expected);
  });
  expect(steps).toBeGreaterThan(1);
});

/** What the database holds after the call; with faults, after one that dies and another one. */
async function endOf(prepare: Call, call: Call, faults?: Faults): Promise<readonly string[]> {
  const db = new SqliteDatabase(TABLES);
  await prepare(await openServices(db));
  const before = dump(db);
  if (faults) await faults.run(async () => call(await openServices(faults.wrap(db))));
  await call(await openServices(db));
  const after = dump(db);
  expect(after).not.toEqual(before);
  await db.close();
  return after;
}

/** Fences are new in each life of a task. */
function dump(db: SqliteDatabase): string[] {
  return TABLES.map((table) => db.dump(table, ['fence']));
}
