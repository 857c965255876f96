import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { noMetrics, silentLog, systemClock } from '@postlude/queue/foundations';
import type { Database } from '@postlude/queue/storage';
import { expect, onTestFinished, test } from 'vitest';
import { openTestPglite } from '../../../test/support/databases/databases.ts';
import { MemorySink } from '../../../test/support/exports/memory-sink.ts';
import { TEST_RESULTS } from '../rows/row-kind.ts';
import { type Export, isReceipt } from '../sink.ts';
import { planExports } from './export-plan.ts';
import type { OpenSink, SinkParts } from './sink-kind.ts';
import { type OpenPlannedSink, openSink, SinkRouter } from './sink-router.ts';
import { verifyExportIn } from './verify-export-in.ts';

const LIVE = new AbortController().signal;
const PARTS: SinkParts = {
  db: {} as Database,
  clock: systemClock,
  scratch: '/scratch',
  log: silentLog,
  metrics: noMetrics,
};

const RULES = [{ match: 'acme.nightly.*', to: 'nightly' }];

function routed(parts = PARTS, exports: readonly object[] = RULES, open?: OpenPlannedSink) {
  const plan = planExports(
    {
      sinks: { nightly: { kind: 'parquet', folder: 'nightly' } },
      exports,
      defaultSink: 'parquet',
      exportDir: '/exports',
      folder: '/',
    },
    (setting, problem) => {
      throw new Error(`${setting}: ${problem}`);
    },
  );
  return new SinkRouter(plan, parts, open);
}

function exportTo(dataset: string): Export {
  const table = { project: 'acme', dataset, table: 'results' };
  const kind = TEST_RESULTS;
  return { table, invocationId: 'i', index: 0, kind, fingerprint: 'f', attempt: 1 };
}

class ClosableSink extends MemorySink implements OpenSink {
  isClosed = false;
  probe = async () => ({ location: 'memory' });
  close = async () => {
    this.isClosed = true;
  };
}

test('opens each sink once, when an export first needs it, and closes it', async () => {
  const opened = new Map<unknown, ClosableSink>();
  const parts = { ...PARTS, db: await openTestPglite() };
  const router = routed(parts, RULES, async ({ options }) => {
    const sink = new ClosableSink();
    opened.set(options.folder, sink);
    return sink;
  });
  expect(opened.size).toBe(0);
  await Promise.all([router.begin(exportTo('nightly')), router.find(exportTo('nightly'))]);
  expect([...opened.keys()]).toEqual(['/nightly']);
  await router.begin(exportTo('tests'));
  expect([...opened.keys()]).toEqual(['/nightly', '/exports']);
  expect(opened.get('/exports')?.exports).toEqual([exportTo('tests')]);
  await router.close();
  expect([...opened.values()].every(({ isClosed }) => isClosed)).toBe(true);
});

test('a sink that could not be opened is opened again for the next export', async () => {
  let attempts = 0;
  const router = routed(PARTS, RULES, async () => {
    if (++attempts === 1) throw new Error('no package');
    return new ClosableSink();
  });
  await expect(router.begin(exportTo('tests'))).rejects.toThrow('no package');
  await router.begin(exportTo('tests'));
  expect(attempts).toBe(2);
  await router.close();
});

test('what is in a folder can be verified by the description of its sink', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'postlude-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const { table, invocationId, index } = exportTo('tests');
  const name = { table, invocationId, index };
  expect(await verifyExportIn({ kind: 'parquet', folder }, name)).toEqual({ status: 'missing' });
  await expect(verifyExportIn({ kind: 'parquet' }, name)).rejects.toMatchObject({
    code: 'invalid-argument',
    message: 'sinks.sink: folder must be set',
  });
});

test('probing a folder tells whether it can be written to, and leaves nothing', async () => {
  const root = await mkdtemp(join(tmpdir(), 'postlude-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const probe = async (folder: string) => {
    const sink = await openSink({ kind: 'parquet', options: { folder } }, PARTS);
    return await sink.probe(LIVE);
  };
  const inside = join(root, 'exports', 'parquet');
  expect(await probe(inside)).toEqual({ location: inside });
  expect(await readdir(root)).toEqual([]);
  await writeFile(join(root, 'file'), '');
  await expect(probe(join(root, 'file'))).rejects.toMatchObject({
    code: 'misconfigured',
    message: expect.stringContaining(`${join(root, 'file')} cannot be written to: ENOTDIR`),
  });
});

test('an export that is done is found after the rules have changed, unless it is made again', async () => {
  const db = await openTestPglite();
  const sinks = new Map<unknown, ClosableSink>();
  const start = (exports: readonly object[]) =>
    routed({ ...PARTS, db }, exports, async ({ options }) => {
      const sink = sinks.get(options.folder) ?? new ClosableSink();
      sinks.set(options.folder, sink);
      return sink;
    });
  const exported = exportTo('nightly');
  const begun = await start(RULES).begin(exported);
  if (isReceipt(begun)) throw new Error('it is done already');
  await begun.commit({ rows: 0 }, LIVE);
  const changed = start([]);
  expect(await changed.find(exported)).toEqual({ rows: 0, location: 'memory' });
  expect(await changed.find({ ...exported, fingerprint: 'g' })).toBeUndefined();
  expect([...sinks.keys()]).toEqual(['/nightly', '/exports']);
});
