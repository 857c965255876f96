import { create } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { eachDatabase } from '../../../test/support/databases/databases.ts';
import { ReceiptsSink } from '../../../test/support/exports/receipts-sink.ts';
import { invocationId } from '../../../test/support/invocations/fixtures.ts';
import {
  contextOf,
  OWNER,
  openServices,
  type Services,
} from '../../../test/support/server/rpc-services.ts';
import { BQ_EXPORT, exportHandler } from '../../exporter/task.ts';
import { BigQueryExportSchema } from '../../gen/luci/resultdb/v1/invocation_pb.js';
import { FinalizeInvocationRequestSchema } from '../../gen/luci/resultdb/v1/recorder_pb.js';
import {
  Export_State,
  ExportAgainRequestSchema,
  ExportInvocationRequestSchema,
  ListExportsRequestSchema,
} from '../../gen/postlude/v1/exports_pb.js';
import { createExports } from './service.ts';

const name = 'invocations/u-inv';
const tableOf = (table: string) =>
  create(BigQueryExportSchema, { project: 'p', dataset: 'd', table, testResults: {} });

async function openWorld(services: Services) {
  const { authorizer, clock, db, inspector, queue } = services;
  const sink = new ReceiptsSink();
  const exports = createExports({ authorizer, clock, db, inspector, queue, sink });
  const context = contextOf(OWNER);
  await services.create('u-inv', { bigqueryExports: [tableOf('own')] });
  await services.recorder.finalizeInvocation(
    create(FinalizeInvocationRequestSchema, { name }),
    services.owner('u-inv'),
  );
  await services.finalizeAll();
  const handler = exportHandler({ db, queue, sink });
  return {
    services,
    sink,
    /** Runs all export tasks. */
    work: async () => {
      for (const lease of await queue.leaseDue(BQ_EXPORT.name, 10, 60_000)) {
        const task = { ...lease, payload: lease.payload ?? new Uint8Array() };
        const signal = new AbortController().signal;
        await handler.handle(task, { signal } as Parameters<typeof handler.handle>[1]);
        await queue.complete(lease);
      }
    },
    list: async () => {
      const request = create(ListExportsRequestSchema, { name });
      const { exports: listed } = await exports.listExports(request, context);
      return listed.map(({ destination, location, state }) =>
        [destination?.table, Export_State[state], location].join(' ').trim(),
      );
    },
    add: (table: string) =>
      exports.exportInvocation(
        create(ExportInvocationRequestSchema, { name, destination: tableOf(table) }),
        context,
      ),
    again: (index: number, requestId = '') =>
      exports.exportAgain(create(ExportAgainRequestSchema, { name, index, requestId }), context),
  };
}

eachDatabase((open) => {
  test('exports that were asked for later are listed with the others', async () => {
    const { add, list, work } = await openWorld(await openServices(await open()));
    await add('later');
    expect(await list()).toEqual(['own PENDING', 'later PENDING']);
    await work();
    const listed = await list();
    expect(listed.map((each) => each.split(' ').slice(0, 2))).toEqual([
      ['own', 'DONE'],
      ['later', 'DONE'],
    ]);
    await add('later');
    expect(await list()).toEqual(listed);
  });

  test('an export is made again, and replaces the earlier one', async () => {
    const { add, again, list, work } = await openWorld(await openServices(await open()));
    const { export: later } = await add('later');
    await work();
    const [own, further] = await list();
    for (const index of [0, later?.index ?? 0]) {
      expect((await again(index)).export?.state).toBe(Export_State.PENDING);
    }
    expect(await list()).toEqual(['own PENDING', 'later PENDING']);
    await work();
    const listed = await list();
    expect(listed.every((each) => each.includes('DONE'))).toBe(true);
    expect(listed).not.toContain(own);
    expect(listed).not.toContain(further);
  });

  test('an export that is still to be done goes on as it is', async () => {
    const { again, list, sink, work } = await openWorld(await openServices(await open()));
    await again(0);
    await again(0);
    await work();
    expect(await list()).toEqual([expect.stringContaining('own DONE')]);
    expect(sink.receipts.size).toBe(1);
  });

  test('a request that is repeated begins nothing', async () => {
    const { again, sink, work } = await openWorld(await openServices(await open()));
    await work();
    for (const state of [Export_State.PENDING, Export_State.PENDING]) {
      expect((await again(0, 'one')).export?.state).toBe(state);
    }
    await work();
    expect((await again(0, 'one')).export?.state).toBe(Export_State.DONE);
    expect(sink.commits).toHaveLength(2);
    expect((await again(0, 'another')).export?.state).toBe(Export_State.PENDING);
    await work();
    expect(new Set(sink.commits).size).toBe(3);
  });

  test('an export that does not exist is not made again', async () => {
    const { again, services } = await openWorld(await openServices(await open()));
    await expect(again(1)).rejects.toMatchObject({ code: 'not-found' });
    expect(await services.inspector.find({ type: BQ_EXPORT.name, id: invocationId('u-inv') })).toBe(
      undefined,
    );
  });
});
