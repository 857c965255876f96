import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { Dispatcher, TaskInspector, TaskQueue } from '@postlude/queue';
import { FakeClock } from '@postlude/queue/testing';
import { expect, onTestFinished, test } from 'vitest';
import { openTestPglite } from '../../test/support/databases/databases.ts';
import { writeGraph } from '../../test/support/exports/export-graph.ts';
import { BigQueryExportSchema } from '../gen/luci/resultdb/v1/invocation_pb.js';
import { markClosed } from '../invocations/closed-sets.ts';
import type { InvocationId } from '../invocations/id.ts';
import { requireInvocation } from '../invocations/invocations.ts';
import { exportFiles } from './parquet/export-files.ts';
import { ParquetSink } from './parquet/parquet-sink.ts';
import { exportStatus, furtherExportIndex } from './status.ts';
import { enqueueBigQueryExport, exportHandler } from './task.ts';

const TABLE = { project: 'acme', dataset: 'tests', table: 'results' };
const destination = create(BigQueryExportSchema, { ...TABLE, testResults: {} });
const WHY = /ENOTDIR|EEXIST/;
const wanted = { index: 0, destination };

async function startExports() {
  const root = await mkdtemp(join(tmpdir(), 'postlude-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const db = await openTestPglite();
  await writeGraph(db, {
    active: { state: 'ACTIVE' },
    over: { results: [{ testId: 't' }] },
  });
  const clock = new FakeClock();
  const queue = new TaskQueue({ db, clock });
  const inspector = new TaskInspector({ db, clock });
  const sink = new ParquetSink({ root });
  const handlers = [{ ...exportHandler({ db, queue, sink }), maxAttempts: 2 }];
  const dispatcher = new Dispatcher({ queue, handlers, clock, random: () => 1 });
  const enqueue = () =>
    db.write((tx) =>
      enqueueBigQueryExport(queue, tx, { invocationId: 'over' as InvocationId, destination }),
    );
  const statusOf = async (id: string) => {
    const invocation = await db.read((tx) => requireInvocation(tx, id as InvocationId));
    return await exportStatus({ db, inspector, sink }, invocation, wanted);
  };
  return { root, db, clock, dispatcher, enqueue, statusOf };
}

test('an export waits until its invocation is FINALIZED', async () => {
  const { statusOf } = await startExports();
  expect(await statusOf('active')).toEqual({ state: 'waiting' });
});

test('an export is pending while its invocation is FINALIZED by its set but not settled', async () => {
  const { db, statusOf } = await startExports();
  await writeGraph(db, { member: { state: 'FINALIZING' } });
  await db.write((tx) => markClosed(tx, ['member' as InvocationId], 'over' as InvocationId));
  expect(await statusOf('member')).toEqual({ state: 'pending', reason: undefined });
});

test('an export is absent, then pending, then done, with its receipt', async () => {
  const { dispatcher, enqueue, statusOf } = await startExports();
  expect(await statusOf('over')).toEqual({ state: 'absent' });
  await enqueue();
  expect(await statusOf('over')).toEqual({ state: 'pending', reason: undefined });
  await dispatcher.runOnce();
  expect(await statusOf('over')).toMatchObject({ state: 'done', receipt: { rows: 1 } });
});

test('an export whose file has been removed is absent again', async () => {
  const { root, dispatcher, enqueue, statusOf } = await startExports();
  await enqueue();
  await dispatcher.runOnce();
  await rm(exportFiles(root, { table: TABLE, invocationId: 'over', index: 0 }).data);
  expect(await statusOf('over')).toEqual({ state: 'absent' });
});

test('an export that failed says why, both while it is tried again and once it is dead', async () => {
  const { root, clock, dispatcher, enqueue, statusOf } = await startExports();
  await rm(root, { recursive: true });
  // A file is in the place of the folder, so nothing can be written.
  await writeFile(root, '');
  await enqueue();
  await dispatcher.runOnce();
  expect(await statusOf('over')).toMatchObject({
    state: 'pending',
    reason: expect.stringMatching(WHY),
    nextTryTime: clock.now() + 1_000,
  });
  clock.advance(60_000);
  await dispatcher.runOnce();
  expect(await statusOf('over')).toMatchObject({
    state: 'dead',
    reason: expect.stringMatching(WHY),
  });
});

test('the same further destination has the same index, away from those of the invocation', () => {
  const other = create(BigQueryExportSchema, { ...TABLE, table: 'other', testResults: {} });
  expect(furtherExportIndex(destination)).toBe(furtherExportIndex(destination));
  expect(furtherExportIndex(other)).not.toBe(furtherExportIndex(destination));
  expect(furtherExportIndex(other)).toBeGreaterThanOrEqual(1_000_000);
});

test('clients that order a variant’s pairs differently mean the same export', () => {
  const withPairs = (def: Record<string, string>) =>
    create(BigQueryExportSchema, {
      ...TABLE,
      testResults: { predicate: { variant: { predicate: { case: 'equals', value: { def } } } } },
    });
  const one = withPairs({ os: 'linux', arch: 'arm' });
  const other = withPairs({ arch: 'arm', os: 'linux' });
  expect(furtherExportIndex(other)).toBe(furtherExportIndex(one));
});
