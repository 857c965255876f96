import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { Dispatcher, TaskInspector, TaskQueue } from '@postlude/queue';
import type { Database } from '@postlude/queue/storage';
import { FakeClock, forEachCrash } from '@postlude/queue/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { eachDatabase, openTestPglite } from '../../test/support/databases/databases.ts';
import { type GraphNode, writeGraph } from '../../test/support/exports/export-graph.ts';
import { FaultyDisk } from '../../test/support/exports/faulty-disk.ts';
import { MemorySink } from '../../test/support/exports/memory-sink.ts';
import { BigQueryExportSchema } from '../gen/luci/resultdb/v1/invocation_pb.js';
import { TestResultPredicateSchema } from '../gen/luci/resultdb/v1/predicate_pb.js';
import { type InvocationId, toRowId } from '../invocations/id.ts';
import { STATE_NUMBERS } from '../invocations/state.ts';
import { invocations } from '../invocations/table.ts';
import { INVOCATION_ROW_INDEX } from './export-index.ts';
import { exportFiles } from './parquet/export-files.ts';
import { verifyExport } from './parquet/manifest.ts';
import { ParquetSink } from './parquet/parquet-sink.ts';
import { type Sink, SinkBusyError } from './sink.ts';
import { BQ_EXPORT, enqueueBigQueryExport, exportHandler } from './task.ts';

const A = 'a' as InvocationId;
const TABLE = { project: 'acme', dataset: 'tests', table: 'results' };
const DESTINATION = create(BigQueryExportSchema, { ...TABLE, testResults: {} });
const GRAPH: Readonly<Record<string, GraphNode>> = {
  a: { includes: ['b'], results: [{ testId: 't1' }, { testId: 't2', expected: false }] },
  b: { results: [{ testId: 't2', resultId: '1' }], exonerations: [{ testId: 't2' }] },
};
const LEASE_MS = 60_000;

const KINDS = [
  ['test results', 0],
  ['the row of an invocation', INVOCATION_ROW_INDEX],
] as const;

/** A process that serves exports. */
function startExporter(db: Database, sink: Sink, clock = new FakeClock()) {
  const queue = new TaskQueue({ db, clock });
  const handlers = [exportHandler({ db, queue, sink })];
  const dispatcher = new Dispatcher({ queue, handlers, clock, leaseMs: LEASE_MS, random: () => 1 });
  const enqueue = (more = {}) =>
    db.write((tx) => enqueueBigQueryExport(queue, tx, { ...DEFAULT_TASK, ...more }));
  const inspector = new TaskInspector({ db, clock });
  const living = () => inspector.list({ type: BQ_EXPORT.name, limit: 10 });
  const dead = () => inspector.listDead({ limit: 10 });
  return { clock, queue, dispatcher, enqueue, living, dead };
}

const NAMED_PAYLOAD = toBinary(
  BigQueryExportSchema,
  create(BigQueryExportSchema, { project: 'p', dataset: 'd', table: 't' }),
);
const DEFAULT_TASK = { invocationId: A, destination: DESTINATION };

async function exportFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'postlude-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

describe('failures', () => {
  test('an invocation that is not FINALIZED yet is exported by a later attempt', async () => {
    const db = await openTestPglite();
    await writeGraph(db, { a: { ...GRAPH.b, state: 'FINALIZING' } });
    const sink = new MemorySink();
    const { clock, dispatcher, enqueue } = startExporter(db, sink);
    await enqueue();
    await dispatcher.runOnce();
    expect(sink.committed).toEqual([]);

    const finalized = {
      invocationId: toRowId(A),
      state: STATE_NUMBERS.FINALIZED,
      finalizeTime: clock.now(),
    };
    await db.write((tx) => tx.update(invocations, [finalized]));
    clock.advance(LEASE_MS);
    await dispatcher.runOnce();
    expect(sink.committed).toHaveLength(1);
  });

  test.each([
    ['an invalid predicate', predicated({ testIdRegexp: '(' }), /not a valid RE2 pattern/],
    ['a missing invocation', { invocationId: 'nobody' as InvocationId }, /does not exist/],
  ])('%s makes a dead task with the reason', async (_, more, reason) => {
    const db = await openTestPglite();
    await writeGraph(db, GRAPH);
    const { dispatcher, enqueue, dead } = startExporter(db, new MemorySink());
    await enqueue(more);
    await dispatcher.runOnce();
    expect(await dead()).toMatchObject([{ reason: expect.stringMatching(reason) }]);
  });

  test.each([
    ['a payload that does not decode', { payload: new Uint8Array([10, 200]) }],
    ['a destination without names', {}],
    // Field 6, text_artifacts, as a client of ResultDB may have sent it before it was refused.
    ['an export of artifacts', { payload: new Uint8Array([...NAMED_PAYLOAD, 50, 0]) }],
    ['an id without an index', { id: 'a' }],
    ['no invocation', { subject: undefined }],
  ])('%s makes a dead task, and its neighbours are exported', async (_, damage) => {
    const db = await openTestPglite();
    await writeGraph(db, GRAPH);
    const sink = new MemorySink();
    const { dispatcher, enqueue, queue, dead } = startExporter(db, sink);
    const { subject, ...others } = {
      id: `${toRowId(A)}:7`,
      subject: toRowId(A),
      payload: new Uint8Array() as Uint8Array,
      ...damage,
    };
    const named = subject === undefined ? {} : { subject };
    await queue.enqueue([{ type: BQ_EXPORT, ...others, ...named }]);
    await enqueue();
    await dispatcher.runOnce();
    expect(await dead()).toHaveLength(1);
    expect(sink.committed).toHaveLength(3);
  });

  test('an export to a table that is busy is postponed, and no attempt is used up', async () => {
    const db = await openTestPglite();
    await writeGraph(db, GRAPH);
    const sink = new MemorySink();
    const { clock, dispatcher, enqueue, living } = startExporter(db, sink);
    await enqueue();
    sink.onStep = (step) => {
      if (step === 'append') throw new SinkBusyError('quota', 30_000);
    };
    for (let times = 0; times < 25; times++) {
      await dispatcher.runOnce();
      clock.advance(30_000);
    }
    expect(await living()).toMatchObject([{ attempt: 0, lastError: 'quota' }]);
    expect(sink.steps.filter((step) => step === 'append')).toHaveLength(25);
    sink.onStep = () => undefined;
    await dispatcher.runOnce();
    expect(sink.committed).toHaveLength(3);
  });

  test('a failing sink is tried again, and the reason is kept with the task', async () => {
    const db = await openTestPglite();
    await writeGraph(db, GRAPH);
    const sink = new MemorySink();
    const { clock, dispatcher, enqueue, living } = startExporter(db, sink);
    await enqueue();
    sink.onStep = (step, count) => {
      if (step === 'commit' && count === 1) throw new Error('disk full');
    };
    await dispatcher.runOnce();
    expect(await living()).toMatchObject([{ lastError: 'disk full' }]);
    clock.advance(LEASE_MS);
    await dispatcher.runOnce();
    expect(sink.committed).toHaveLength(3);
    expect(await living()).toEqual([]);
  });

  function predicated(predicate: { readonly testIdRegexp: string }) {
    const testResults = { predicate: create(TestResultPredicateSchema, predicate) };
    return { destination: create(BigQueryExportSchema, { ...TABLE, testResults }) };
  }
});

eachDatabase((open, _, { crashAt: at }) => {
  test('an export is enqueued with the transaction, once', async () => {
    const db = await open();
    await writeGraph(db, GRAPH);
    const sink = new MemorySink();
    const { dispatcher, enqueue, queue } = startExporter(db, sink);
    const rolledBack = db.write(async (tx) => {
      await enqueueBigQueryExport(queue, tx, DEFAULT_TASK);
      throw new Error('rolled back');
    });
    await expect(rolledBack).rejects.toThrow('rolled back');
    expect(await dispatcher.runOnce()).toBe(0);

    expect(await enqueue()).toBe('enqueued');
    expect(await enqueue()).toBe('duplicate');
    expect(await enqueue({ index: 1 })).toBe('enqueued');
    expect(await dispatcher.runOnce()).toBe(2);
    expect(sink.exports.map(({ index }) => index).sort()).toEqual([0, 1]);
  });

  test.each(KINDS)(
    '%s: a process that dies at any step on the database leaves one whole file',
    async (_, index) => {
      const crashes = await forEachCrash(
        async (faults) => {
          const db = await open();
          const root = await exportFolder();
          await writeGraph(db, GRAPH);
          const clock = new FakeClock();
          const dying = startExporter(faults.wrap(db), new ParquetSink({ root }), clock);
          await startExporter(db, new ParquetSink({ root }), clock).enqueue({ index });
          await faults.run(() => dying.dispatcher.runOnce());

          await recover({ db, root, clock, index });
        },
        { at },
      );
      expect(crashes).toBeGreaterThan(at === 'effects' ? 1 : 5);
    },
  );
});

test.each(KINDS)(
  '%s: a process that dies at any step on the disk leaves one whole file',
  async (_, index) => {
    for (let step = 1; ; step += 3) {
      const db = await openTestPglite();
      const root = await exportFolder();
      await writeGraph(db, GRAPH);
      const disk = new FaultyDisk({ step, when: 'after', what: 'crash' });
      const clock = new FakeClock();
      const dying = startExporter(diesWith(disk, db), new ParquetSink({ root, disk }), clock);
      await dying.enqueue({ index });
      await dying.dispatcher.runOnce().catch((error: unknown) => {
        if (!disk.isDead) throw error;
      });
      await recover({ db, root, clock, index });
      if (!disk.hasHappened) return;
    }
  },
);

/** The database as a process with this disk reaches it: a dead one settles no task. */
function diesWith(disk: FaultyDisk, db: Database): Database {
  return new Proxy(db, {
    get(target, name) {
      if (disk.isDead) throw new Error('the process is dead');
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

interface Recovery {
  readonly db: Database;
  readonly root: string;
  readonly clock: FakeClock;
  readonly index: number;
}

/** Starts another process once the lease of the dead one has ended. */
async function recover({ clock, db, index, root }: Recovery): Promise<void> {
  clock.advance(10 * LEASE_MS);
  const { dispatcher, living, dead } = startExporter(db, new ParquetSink({ root }), clock);
  await dispatcher.runOnce();
  expect(await living()).toEqual([]);
  expect(await dead()).toEqual([]);
  const name = { table: TABLE, invocationId: A, index };
  const [stem, rows] = index === 0 ? ['a-0', 3] : ['a-invocation', 1];
  expect(await verifyExport(root, name)).toMatchObject({ status: 'whole', manifest: { rows } });
  const files = await readdir(exportFiles(root, name).folder);
  expect(files.sort()).toEqual([`${stem}.manifest.json`, `${stem}.parquet`]);
}
