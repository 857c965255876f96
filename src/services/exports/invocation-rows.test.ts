/** The rows of invocations, from the setting to the list of exports. */
import { create } from '@bufbuild/protobuf';
import { Dispatcher } from '@postlude/queue';
import type { Database } from '@postlude/queue/storage';
import { expect, test } from 'vitest';
import { eachDatabase } from '../../../test/support/databases/databases.ts';
import { MemorySink } from '../../../test/support/exports/memory-sink.ts';
import { contextOf, OWNER, openServices } from '../../../test/support/server/rpc-services.ts';
import { INVOCATION_ROW_INDEX } from '../../exporter/export-index.ts';
import type { ExportTable } from '../../exporter/sink.ts';
import { exportHandler } from '../../exporter/task.ts';
import { BigQueryExportSchema } from '../../gen/luci/resultdb/v1/invocation_pb.js';
import { FinalizeInvocationRequestSchema } from '../../gen/luci/resultdb/v1/recorder_pb.js';
import {
  Export_State,
  ExportAgainRequestSchema,
  ExportInvocationRequestSchema,
  ListExportsRequestSchema,
} from '../../gen/postlude/v1/exports_pb.js';
import { createExports } from './service.ts';

const ROWS: ExportTable = { project: 'p', dataset: 'd', table: 'runs' };
const TEST_RESULTS = create(BigQueryExportSchema, { ...ROWS, table: 'results', testResults: {} });

/** A server with or without the setting. */
async function openWorld(db: Database, invocationRows?: ExportTable) {
  const services = await openServices(db, { ...(invocationRows && { invocationRows }) });
  const { authorizer, clock, inspector, queue } = services;
  const sink = new MemorySink();
  const exports = createExports({ authorizer, clock, db, inspector, queue, sink });
  const handlers = [exportHandler({ db, queue, sink, invocationRows })];
  const dispatcher = new Dispatcher({ queue, handlers, clock });
  const context = contextOf(OWNER);
  return {
    sink,
    inspector,
    work: () => dispatcher.runOnce(),
    /** Creates an invocation that asks for an export of its own, and finalizes it. */
    run: async (id: string, destination = TEST_RESULTS) => {
      await services.create(id, { bigqueryExports: [destination] });
      await services.recorder.finalizeInvocation(
        create(FinalizeInvocationRequestSchema, { name: `invocations/${id}` }),
        services.owner(id),
      );
      await services.finalizeAll();
    },
    list: async (id: string) => {
      const request = create(ListExportsRequestSchema, { name: `invocations/${id}` });
      const { exports: listed } = await exports.listExports(request, context);
      return listed.map(({ destination, rows, state }) =>
        [destination?.table, Export_State[state], rows].join(' '),
      );
    },
    again: (id: string) => {
      const request = { name: `invocations/${id}`, index: INVOCATION_ROW_INDEX };
      return exports.exportAgain(create(ExportAgainRequestSchema, request), context);
    },
    add: (id: string, destination: typeof TEST_RESULTS) => {
      const request = { name: `invocations/${id}`, destination };
      return exports.exportInvocation(create(ExportInvocationRequestSchema, request), context);
    },
  };
}

eachDatabase((open) => {
  test('each FINALIZED invocation has a row, which is listed with its exports', async () => {
    const { list, run, sink, work } = await openWorld(await open(), ROWS);
    await run('u-1');
    expect(await list('u-1')).toEqual(['results PENDING 0', 'runs PENDING 0']);
    expect(await work()).toBe(2);
    expect(await list('u-1')).toEqual(['results DONE 0', 'runs DONE 1']);
    expect(sink.committed).toMatchObject([{ project: 'p', realm: 'r', id: 'u-1' }]);
    expect(sink.exports.map(({ kind, table }) => `${kind.name} ${table.table}`).sort()).toEqual([
      'invocations runs',
      'test-results results',
    ]);
  });

  test('the row is made again when it is asked for', async () => {
    const { again, list, run, sink, work } = await openWorld(await open(), ROWS);
    await run('u-1');
    await work();
    expect((await again('u-1')).export?.state).toBe(Export_State.PENDING);
    expect((await list('u-1'))[1]).toBe('runs PENDING 0');
    await work();
    const rows = sink.exports.filter(({ kind }) => kind.name === 'invocations');
    expect(new Set(rows.map(({ fingerprint }) => fingerprint)).size).toBe(2);
  });

  test('without the setting there are no rows, also later of invocations from before', async () => {
    const db = await open();
    const without = await openWorld(db);
    await without.run('u-before');
    expect(await without.list('u-before')).toEqual(['results PENDING 0']);
    const later = await openWorld(db, ROWS);
    await later.run('u-after');
    expect(await later.list('u-before')).toHaveLength(1);
    expect(await later.list('u-after')).toHaveLength(2);
    expect(await later.work()).toBe(3);
  });

  test('the row goes to the table of its time, whatever the setting has become', async () => {
    const db = await open();
    await (await openWorld(db, ROWS)).run('u-1');
    const later = await openWorld(db, { ...ROWS, table: 'others' });
    await later.work();
    expect(await later.list('u-1')).toEqual(['results DONE 0', 'runs DONE 1']);
  });

  test('test results do not go to the table of the rows', async () => {
    const { inspector, list, run, work } = await openWorld(await open(), ROWS);
    await run('u-1', create(BigQueryExportSchema, { ...ROWS, testResults: {} }));
    await work();
    expect(await list('u-1')).toEqual(['runs DEAD 0', 'runs DONE 1']);
    const [dead] = await inspector.listDead({ limit: 9 });
    expect(dead?.reason).toBe(
      'p.d.runs is for rows of invocations: export results to another table',
    );
  });

  test('the row takes no place of the exports that callers may add', async () => {
    const { add, run } = await openWorld(await open(), ROWS);
    await run('u-1');
    for (let n = 0; n < 100; n++) {
      const { export: added } = await add('u-1', { ...TEST_RESULTS, table: `t${n}` });
      expect(added?.state).toBe(Export_State.PENDING);
    }
  });
});
