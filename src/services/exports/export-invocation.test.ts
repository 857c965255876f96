import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { eachDatabase, openTestPglite } from '../../../test/support/databases/databases.ts';
import { MemorySink } from '../../../test/support/exports/memory-sink.ts';
import {
  contextOf,
  OWNER,
  openServices,
  type Services,
} from '../../../test/support/server/rpc-services.ts';
import { readExportRequest } from '../../exporter/export-requests.ts';
import type { Sink } from '../../exporter/sink.ts';
import { furtherExportIndex } from '../../exporter/status.ts';
import { BQ_EXPORT } from '../../exporter/task.ts';
import {
  BigQueryExport_TextArtifactsSchema,
  BigQueryExportSchema,
} from '../../gen/luci/resultdb/v1/invocation_pb.js';
import { FinalizeInvocationRequestSchema } from '../../gen/luci/resultdb/v1/recorder_pb.js';
import { Export_State, ExportInvocationRequestSchema } from '../../gen/postlude/v1/exports_pb.js';
import type { InvocationId } from '../../invocations/id.ts';
import { realmAuthorizer } from '../shared/permissions.ts';
import { exportInvocation } from './export-invocation.ts';

const destination = create(BigQueryExportSchema, {
  project: 'ci',
  dataset: 'tests',
  table: 'results',
  testResults: {},
});

const textArtifacts = create(BigQueryExport_TextArtifactsSchema);

type Init = MessageInitShape<typeof ExportInvocationRequestSchema>;

function ask(
  { db, clock, queue, inspector, authorizer }: Services,
  init: Init = {},
  sink: Pick<Sink, 'find'> = new MemorySink(),
) {
  const parts = { db, clock, queue, inspector, authorizer, sink };
  const request = create(ExportInvocationRequestSchema, {
    name: 'invocations/u-inv',
    destination,
    ...init,
  });
  return exportInvocation(parts, request, contextOf(OWNER));
}

async function finalized(services: Services): Promise<Services> {
  await services.create('u-inv');
  await services.recorder.finalizeInvocation(
    create(FinalizeInvocationRequestSchema, { name: 'invocations/u-inv' }),
    services.owner('u-inv'),
  );
  await services.finalizeAll();
  return services;
}

test.each<[string, Init]>([
  ['name: ', { name: 'u-inv' }],
  ['destination: must be set', { destination: undefined }],
  ['destination: table: ', { destination: { ...destination, table: '' } }],
  ['destination: text_artifacts: ', { destination: { ...destination, textArtifacts } }],
  ['destination: result_type: ', { destination: { ...destination, testResults: undefined } }],
])('a request that is wrong is refused: %s', async (message, init) => {
  const services = await openServices(await openTestPglite({ migrated: false }));
  await expect(ask(services, init)).rejects.toMatchObject({
    code: 'invalid-argument',
    message: expect.stringContaining(message),
  });
});

eachDatabase((open) => {
  test('an invocation is not exported before it is over', async () => {
    const services = await openServices(await open());
    await services.create('u-inv');
    await expect(ask(services)).rejects.toMatchObject({ code: 'failed-precondition' });
  });

  test('a permission in the realm alone does not suffice: the project decides, as at creation', async () => {
    const grants = { 'p:r': { writer: [OWNER], admin: [OWNER] } };
    const denied = await openServices(await open(), { authorizer: realmAuthorizer(grants) });
    await finalized(denied);
    await expect(ask(denied)).rejects.toMatchObject({
      code: 'permission-denied',
      message: expect.stringContaining('"p:@root"'),
    });
    const root = { 'p:@root': { 'resultdb.invocations.exportToBigQuery': [OWNER] } };
    const allowed = await openServices(denied.db, {
      authorizer: realmAuthorizer({ ...grants, ...root }),
    });
    expect((await ask(allowed)).export?.state).toBe(Export_State.PENDING);
  });

  test('a destination that is requested twice is exported once', async () => {
    const services = await finalized(await openServices(await open()));
    for (let times = 0; times < 2; times++) {
      expect((await ask(services)).export?.state).toBe(Export_State.PENDING);
    }
    expect(await services.queue.leaseDue(BQ_EXPORT.name, 10, 60_000)).toHaveLength(1);
  });

  test('of two requests at once, the first says when the export was asked for', async () => {
    const services = await finalized(await openServices(await open()));
    const asked = services.clock.now();
    const find = async () => {
      await ask(services);
      services.clock.advance(1_000);
      return undefined;
    };
    expect((await ask(services, {}, { find })).export?.state).toBe(Export_State.PENDING);
    const id = 'u-inv' as InvocationId;
    const requests = await services.db.read((tx) =>
      readExportRequest(tx, id, furtherExportIndex(destination)),
    );
    expect(requests).toEqual({ generation: 0, requestTime: asked });
  });

  test('no more than 100 are added, and those that are there may be asked for again', async () => {
    const services = await finalized(await openServices(await open()));
    const nth = (n: number): Init => ({ destination: { ...destination, table: `t${n}` } });
    for (let n = 0; n < 100; n++) await ask(services, nth(n));
    await expect(ask(services, nth(100))).rejects.toMatchObject({ code: 'failed-precondition' });
    expect((await ask(services, nth(99))).export?.state).toBe(Export_State.PENDING);
  });
});
