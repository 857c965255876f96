import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openTestPglite } from '../../../test/support/databases/databases.ts';
import { writeGraph } from '../../../test/support/exports/export-graph.ts';
import { destinationOf } from '../../../test/support/exports/export-run.ts';
import { FaultyDisk } from '../../../test/support/exports/faulty-disk.ts';
import type { InvocationId } from '../../invocations/id.ts';
import { exportInvocation } from '../exporter.ts';
import { ParquetSink } from './parquet-sink.ts';

test.each([
  ['before it converts', 'close'],
  ['once it has converted', 'digest'],
])('an export that is aborted %s leaves no file', async (_when, step) => {
  const root = await mkdtemp(join(tmpdir(), 'postlude-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const db = await openTestPglite();
  await writeGraph(db, { a: { results: [{ testId: 't1' }, { testId: 't2' }] } });
  const disk = new FaultyDisk();
  const aborting = new AbortController();
  disk.onStep = async (name) => {
    if (name === step && disk.steps.includes('write')) aborting.abort(new Error('shutting down'));
  };
  const request = { invocationId: 'a' as InvocationId, index: 0, attempt: 1 };
  const exported = exportInvocation(
    { db, sink: new ParquetSink({ root, disk }) },
    { ...request, destination: destinationOf(undefined) },
    aborting.signal,
  );
  await expect(exported).rejects.toThrow('shutting down');
  expect(disk.steps).not.toContain('rename');
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  expect(entries.filter((entry) => entry.isFile())).toEqual([]);
});
