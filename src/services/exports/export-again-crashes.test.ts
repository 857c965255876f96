/** Whatever step a process dies at, an export that is made again is made once more: not twice, and not never. */
import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { Dispatcher, TaskInspector, TaskQueue } from '@postlude/queue';
import type { Database } from '@postlude/queue/storage';
import { FakeClock, forEachCrash } from '@postlude/queue/testing';
import { expect, test } from 'vitest';
import { eachDatabase } from '../../../test/support/databases/databases.ts';
import { writeGraph } from '../../../test/support/exports/export-graph.ts';
import { ReceiptsSink } from '../../../test/support/exports/receipts-sink.ts';
import { contextOf, OWNER } from '../../../test/support/server/rpc-services.ts';
import { writeExportRequest } from '../../exporter/export-requests.ts';
import { enqueueBigQueryExport, exportHandler } from '../../exporter/task.ts';
import { BigQueryExportSchema } from '../../gen/luci/resultdb/v1/invocation_pb.js';
import {
  ExportAgainRequestSchema,
  ExportPeriodRequestSchema,
  type ExportPeriodResponse,
} from '../../gen/postlude/v1/exports_pb.js';
import type { InvocationId } from '../../invocations/id.ts';
import { allowAll } from '../shared/permissions.ts';
import { createExports } from './service.ts';

const TABLE = { project: 'p', dataset: 'd', table: 't' };
const destination = create(BigQueryExportSchema, { ...TABLE, testResults: {} });
const INDEX = 0;
const PAGE_SIZE = 1;
/** More than fit on two pages. */
const RUNS = 3;
const LEASE_MS = 60_000;
const context = contextOf(OWNER);

/** A process, and the world that it shares with the one that died. */
function startProcess(db: Database, { clock, sink }: { clock: FakeClock; sink: ReceiptsSink }) {
  const queue = new TaskQueue({ db, clock });
  const inspector = new TaskInspector({ db, clock });
  const exports = createExports({ authorizer: allowAll, clock, db, inspector, queue, sink });
  const handlers = [exportHandler({ db, queue, sink })];
  const dispatcher = new Dispatcher({ queue, handlers, clock, random: () => 1, leaseMs: LEASE_MS });
  return {
    again: (id: string) =>
      exports.exportAgain(
        create(ExportAgainRequestSchema, {
          name: `invocations/${id}`,
          index: INDEX,
          requestId: 'one',
        }),
        context,
      ),
    period: async (more: object = {}): Promise<ExportPeriodResponse> => {
      const times = {
        createdFrom: timestampFromMs(0),
        createdUntil: timestampFromMs(Date.UTC(2100, 0, 1)),
      };
      const conditions = { ...TABLE, ...times, pageSize: PAGE_SIZE };
      const call = (batch: string) =>
        exports.exportPeriod(
          create(ExportPeriodRequestSchema, { ...conditions, ...more, batch }),
          context,
        );
      let response = await call('');
      while (!response.isDone) response = await call(response.batch);
      return response;
    },
    work: async () => {
      while ((await dispatcher.runOnce()) > 0);
    },
    /** The first generation. */
    exportAll: async (ids: readonly string[]) => {
      for (const id of ids) {
        const name = { invocationId: id as InvocationId, index: INDEX, destination };
        await db.write(async (tx) => {
          await enqueueBigQueryExport(queue, tx, name);
          const asked = { ...name, generation: 0, requestTime: 0 };
          await writeExportRequest(tx, name.invocationId, asked);
        });
      }
      await dispatcher.runOnce();
    },
  };
}

let runs = 0;

/** Invocations whose first exports are done. */
async function openWorld(db: Database, count: number) {
  const world = { clock: new FakeClock(), sink: new ReceiptsSink() };
  const prefix = `i${++runs}-`;
  const ids = Array.from({ length: count }, (_, index) => `${prefix}${index}`);
  const realm = `p:r${runs}`;
  await writeGraph(db, Object.fromEntries(ids.map((id) => [id, { realm }])));
  await startProcess(db, world).exportAll(ids);
  expect(world.sink.commits).toHaveLength(count);
  return { ...world, ids, realm };
}

eachDatabase((open, _, { crashAt: at }) => {
  const leastSteps = at === 'effects' ? 2 : 15;

  test('ExportAgain', async () => {
    const db = await open();
    const steps = await forEachCrash(
      async (faults) => {
        const world = await openWorld(db, 1);
        const [id = ''] = world.ids;
        const dying = startProcess(faults.wrap(db), world);
        await faults.run(async () => {
          await dying.again(id);
          await dying.work();
        });
        // The client repeats a request that was not answered, in another process.
        world.clock.advance(10 * LEASE_MS);
        const next = startProcess(db, world);
        await next.again(id);
        await next.work();
        expect(new Set(world.sink.commits).size).toBe(2);
        expect(world.sink.commits).toHaveLength(2);
      },
      { at },
    );
    expect(steps).toBeGreaterThan(leastSteps);
  });

  test('ExportPeriod goes on where it was interrupted', async () => {
    const db = await open();
    const steps = await forEachCrash(
      async (faults) => {
        const world = await openWorld(db, RUNS);
        const { realm } = world;
        const dying = startProcess(faults.wrap(db), world);
        await faults.run(async () => {
          await dying.period({ realm });
          // Whatever is done before the next call may not begin again.
          await dying.work();
        });
        const next = startProcess(db, world);
        world.clock.advance(10 * LEASE_MS);
        await next.work();
        // A batch that was not done goes on; one that was done is not begun again by its own last call.
        const isOpen = world.sink.commits.length < 2 * RUNS;
        if (isOpen) {
          const counts = { runs: BigInt(RUNS), begun: BigInt(RUNS) };
          expect(await next.period({ realm })).toMatchObject(counts);
        }
        await next.work();
        expect(world.sink.commits).toHaveLength(2 * RUNS);
        expect(new Set(world.sink.commits).size).toBe(2 * RUNS);
      },
      { at },
    );
    expect(steps).toBeGreaterThan(leastSteps);
  });
});
