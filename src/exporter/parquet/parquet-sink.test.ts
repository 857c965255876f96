import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  BARE_METADATA,
  fullColumns,
  rowOf,
  rowsOf,
} from '../../../test/support/exports/export-rows.ts';
import { type DiskPlan, FaultyDisk } from '../../../test/support/exports/faulty-disk.ts';
import { PARQUET_COLUMNS } from '../../../test/support/exports/parquet-columns.ts';
import { cutBatches } from '../batches.ts';
import { TEST_RESULTS } from '../rows/row-kind.ts';
import type { TestResultRow } from '../rows/test-result-row.ts';
import { type Export, isReceipt, type Receipt, type SinkSession } from '../sink.ts';
import type { Disk } from './disk.ts';
import { exportFiles } from './export-files.ts';
import { verifyExport } from './manifest.ts';
import { ParquetSink } from './parquet-sink.ts';

const TABLE = { project: 'acme', dataset: 'tests', table: 'results' };
const EXPORT: Export = {
  table: TABLE,
  invocationId: 'build-1',
  index: 0,
  kind: TEST_RESULTS,
  fingerprint: 'f1',
  attempt: 1,
};

const BIG_INTEGERS = [
  ...['line', 'position', 'change', 'patchset', 'build_id'],
  ...['component_id', 'truncated_errors_count'],
];

const LIVE = new AbortController().signal;

async function exportFolder(name = 'exports'): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'postlude-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return join(folder, name);
}

async function beginSession(sink: ParquetSink, exported: Export): Promise<SinkSession> {
  const begun = await sink.begin(exported);
  if (isReceipt(begun)) throw new Error('has been exported before');
  return begun;
}

interface Attempt {
  readonly root: string;
  readonly rows: readonly TestResultRow[];
  readonly exported?: Partial<Export>;
  readonly disk?: Disk;
}

/** Writes an export as the exporter does. */
async function runAttempt({ root, rows, exported, ...disk }: Attempt): Promise<Receipt> {
  const begun = await new ParquetSink({ root, ...disk }).begin({ ...EXPORT, ...exported });
  if (isReceipt(begun)) return begun;
  try {
    for await (const batch of cutBatches(onePage(rows), { maxRows: 4, maxBytes: 1e6 })) {
      await begun.append(batch);
    }
    return await begun.commit({ rows: rows.length }, LIVE);
  } catch (error) {
    await begun.abort();
    throw error;
  }
}

async function* onePage(rows: readonly TestResultRow[]) {
  yield rows;
}

async function names(root: string): Promise<string[]> {
  return (await readdir(exportFiles(root, EXPORT).folder)).sort();
}

async function query(sql: string): Promise<unknown[]> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  const rows = (await connection.runAndReadAll(sql)).getRowObjectsJson();
  connection.closeSync();
  instance.closeSync();
  return rows;
}

const WHOLE = ['build-1-0.manifest.json', 'build-1-0.parquet'];

describe('faults', () => {
  test.each(['crash', 'error'] as const)(
    'a %s at any step leaves a whole file or none, and the next attempt one whole file',
    async (what) => {
      const rows = rowsOf(10);
      for (let step = 1; ; step++) {
        for (const when of ['before', 'after'] as const) {
          const root = await exportFolder();
          const disk = new FaultyDisk({ step, when, what });
          await runAttempt({ root, rows, disk }).catch(() => undefined);
          if (!disk.hasHappened) {
            expect(step).toBeGreaterThan(15);
            return;
          }
          const context = `${what} ${when} step ${step} (${disk.steps[step - 1]})`;
          await expectWholeOrNone(root, context);
          const receipt = await runAttempt({ root, rows, exported: { attempt: 2 } });
          expect(receipt.rows, context).toBe(10);
          expect(await names(root), context).toEqual(WHOLE);
          expect((await verifyExport(root, EXPORT)).status, context).toBe('whole');
        }
      }
    },
  );

  async function expectWholeOrNone(root: string, context: string): Promise<void> {
    const { status } = await verifyExport(root, EXPORT);
    expect(['missing', 'unfinished', 'whole'], context).toContain(status);
    if (status === 'missing') return;
    const { data } = exportFiles(root, EXPORT);
    const [counted] = await query(`SELECT count(*)::INTEGER AS rows FROM '${data}'`);
    expect(counted, context).toEqual({ rows: 10 });
  }

  test.each<DiskPlan['when']>(['before', 'after'])(
    'an attempt that fails %s it has written anything removes its parts',
    async (when) => {
      const root = await exportFolder();
      const disk = new FaultyDisk({ step: 9, when, what: 'error' });
      await expect(runAttempt({ root, rows: rowsOf(10), disk })).rejects.toThrow('disk failed');
      expect(await names(root)).toEqual([]);
    },
  );

  test('fewer rows in the file than were counted are an error, and there is no file', async () => {
    const root = await exportFolder();
    const session = await beginSession(new ParquetSink({ root }), EXPORT);
    await session.append({ offset: 0, rows: rowsOf(2), bytes: 500 });
    await expect(session.commit({ rows: 3 }, LIVE)).rejects.toMatchObject({ code: 'data-loss' });
    await session.abort();
    expect(await names(root)).toEqual([]);
  });
});

describe('attempts', () => {
  test('running twice leaves one file, and the second run does not touch it', async () => {
    const root = await exportFolder();
    const first = await runAttempt({ root, rows: rowsOf(5) });
    const disk = new FaultyDisk();
    const second = await runAttempt({ root, rows: rowsOf(5), exported: { attempt: 2 }, disk });
    expect(second).toEqual(first);
    expect(disk.steps).not.toContain('rename');
    expect(await names(root)).toEqual(WHOLE);
  });

  test('a new attempt removes the parts of dead ones, and of no other export', async () => {
    const root = await exportFolder();
    const { folder } = exportFiles(root, EXPORT);
    await mkdir(join(folder, '.build-1-0.2.spill'), { recursive: true });
    await mkdir(join(folder, '.build-1-0.2.more'));
    const others = ['.build-1-0.3.rows.txt', '.build-1-1.1.rows', '.build-10-0.1.data', 'x.txt'];
    const dead = ['.build-1-0.1.data', '.build-1-0.1.rows', '.build-1-0.2.more/1'];
    for (const name of [...others, ...dead]) await writeFile(join(folder, name), 'x');
    await runAttempt({ root, rows: rowsOf(1), exported: { attempt: 3 } });
    expect(await names(root)).toEqual([...others, ...WHOLE].sort());
  });

  test('an attempt that lives on without its lease fails once a later one has begun', async () => {
    const root = await exportFolder();
    const sink = new ParquetSink({ root });
    const rows = rowsOf(3);
    const stale = await beginSession(sink, EXPORT);
    await stale.append({ offset: 0, rows, bytes: 900 });
    const newest = await beginSession(sink, { ...EXPORT, attempt: 2 });
    await expect(stale.commit({ rows: 3 }, LIVE)).rejects.toThrow();
    await stale.abort();
    await newest.append({ offset: 0, rows, bytes: 900 });
    expect(await newest.commit({ rows: 3 }, LIVE)).toMatchObject({ rows: 3 });
    expect(await names(root)).toEqual(WHOLE);
  });

  test.each([
    ['while it converts', 'digest'],
    ['once it has converted', 'list'],
  ])('an attempt that is overtaken %s is told that its lease is lost', async (_when, step) => {
    const root = await exportFolder();
    const rows = rowsOf(3);
    const disk = new FaultyDisk();
    let overtaken: Promise<SinkSession> | undefined;
    disk.onStep = async (name) => {
      if (name !== step || !disk.steps.includes('write')) return;
      const later = new ParquetSink({ root });
      overtaken ??= beginSession(later, { ...EXPORT, attempt: 2 });
      await overtaken;
    };
    await expect(runAttempt({ root, rows, disk })).rejects.toMatchObject({ code: 'lease-lost' });
    const session = await overtaken;
    await session?.append({ offset: 0, rows, bytes: 900 });
    await session?.commit({ rows: 3 }, LIVE);
    expect(await names(root)).toEqual(WHOLE);
  });

  test('a file is on the disk before its name is, and its name before that of its manifest', async () => {
    const disk = new FaultyDisk();
    await runAttempt({ root: await exportFolder(), rows: rowsOf(3), disk });
    const { steps } = disk;
    const made = steps.slice(steps.lastIndexOf('digest') + 2, steps.lastIndexOf('list'));
    const named = ['sync', 'rename', 'sync'];
    expect(made).toEqual([...named, 'create', 'write', 'close', ...named]);
  });

  test('the same rows give the same bytes, whatever the batches and the attempt', async () => {
    const [one, other] = [await exportFolder(), await exportFolder()];
    const first = await runAttempt({ root: one, rows: rowsOf(50) });
    const session = await beginSession(new ParquetSink({ root: other }), { ...EXPORT, attempt: 9 });
    await session.append({ offset: 0, rows: rowsOf(50), bytes: 15_000 });
    expect((await session.commit({ rows: 50 }, LIVE)).sha256).toBe(first.sha256);
  });

  test('a file of another invocation with the same id is replaced', async () => {
    const root = await exportFolder();
    await runAttempt({ root, rows: rowsOf(5) });
    const receipt = await runAttempt({ root, rows: rowsOf(7), exported: { fingerprint: 'f2' } });
    expect(receipt.rows).toBe(7);
    expect(await verifyExport(root, EXPORT)).toMatchObject({
      status: 'whole',
      manifest: { rows: 7, fingerprint: 'f2' },
    });
  });
});

describe('verifying', () => {
  test('reports rows, bytes and checksum, and keeps them beside the file', async () => {
    const root = await exportFolder();
    const receipt = await runAttempt({ root, rows: rowsOf(5) });
    const files = exportFiles(root, EXPORT);
    expect(receipt).toEqual({
      rows: 5,
      bytes: (await readFile(files.data)).length,
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      location: files.data,
    });
    expect(JSON.parse(await readFile(files.manifest, 'utf8'))).toEqual({
      version: 1,
      file: 'build-1-0.parquet',
      rows: 5,
      bytes: receipt.bytes,
      sha256: receipt.sha256,
      ...TABLE,
      invocation: 'build-1',
      index: 0,
      fingerprint: 'f1',
    });
  });

  test.each([
    ['a flipped byte', (data: Buffer) => data.fill(data[40] === 0 ? 1 : 0, 40, 41), /SHA-256/],
    ['a cut end', (data: Buffer) => data.subarray(0, -1), /bytes instead of/],
  ])('tells %s, and the next attempt repairs it', async (_, damage, reason) => {
    const root = await exportFolder();
    const { data } = exportFiles(root, EXPORT);
    await runAttempt({ root, rows: rowsOf(5) });
    await writeFile(data, damage(await readFile(data)));
    expect(await verifyExport(root, EXPORT)).toEqual({
      status: 'damaged',
      reason: expect.stringMatching(reason),
    });
    await runAttempt({ root, rows: rowsOf(5), exported: { attempt: 2 } });
    expect((await verifyExport(root, EXPORT)).status).toBe('whole');
  });

  test.each(['', '{', 'null', '{"version":2}', '{"version":1}'])(
    'takes a file whose manifest is %j for unfinished, and exports again',
    async (manifest) => {
      const root = await exportFolder();
      await runAttempt({ root, rows: rowsOf(5) });
      await writeFile(exportFiles(root, EXPORT).manifest, manifest);
      expect(await verifyExport(root, EXPORT)).toEqual({ status: 'unfinished' });
      await runAttempt({ root, rows: rowsOf(5), exported: { attempt: 2 } });
      expect((await verifyExport(root, EXPORT)).status).toBe('whole');
    },
  );

  test('says that there is no file', async () => {
    expect(await verifyExport(await exportFolder(), EXPORT)).toEqual({ status: 'missing' });
  });
});

describe('content', () => {
  test('no rows give a valid file with all columns', async () => {
    const root = await exportFolder();
    const receipt = await runAttempt({ root, rows: [] });
    expect(receipt.rows).toBe(0);
    expect(await query(`SELECT count(*)::INTEGER AS rows FROM '${receipt.location}'`)).toEqual([
      { rows: 0 },
    ]);
    const columns = await query(`DESCRIBE FROM '${receipt.location}'`);
    expect(columns).toMatchObject(PARQUET_COLUMNS);
  });

  test('every value comes back as it was', async () => {
    const location = { repo: 'https://git.example/r', file_name: '//ä/b.ts', line: 2 ** 31 - 1 };
    const rows = [
      rowOf(0, {
        test_id: `"quotes" 'and' \\backslashes\\ \n 漢字 👩‍👩‍👧 \u2028 \u0001`,
        variant: [],
        tags: [
          { key: 'k', value: 'v' },
          { key: 'k', value: '' },
        ],
        test_location: location,
        exonerated: true,
        ...fullColumns(location),
      }),
      rowOf(1, {
        start_time: undefined,
        duration: undefined,
        test_metadata: { ...BARE_METADATA, name: 'n' },
      }),
      rowOf(2, { summary_html: '🧀é"'.repeat(50_000), duration: 0.000001 }),
    ];
    const { location: file } = await runAttempt({ root: await exportFolder(), rows });
    const times = ['start_time', 'partition_time', 'insert_time'];
    const micros = times.map((name) => `epoch_us(${name}) AS ${name}`);
    const read = await query(`SELECT * REPLACE (${micros.join(', ')}) FROM '${file}'`);
    expect(read).toEqual(rows.map(asRead));
  });

  /** DuckDB returns NULL for undefined values, and big integers as text. */
  function asRead(row: TestResultRow): unknown {
    return JSON.parse(
      JSON.stringify(row, (key, value) => {
        if (key.endsWith('_time') || BIG_INTEGERS.includes(key)) {
          return value === undefined ? null : `${value}`;
        }
        return value === undefined ? null : value;
      }),
    );
  }

  test('summaries far larger than the memory of the conversion are written', async () => {
    const summary_html = 'x<é>'.repeat(120_000);
    const rows = Array.from({ length: 400 }, (_, index) => rowOf(index, { summary_html }));
    const { location } = await runAttempt({ root: await exportFolder(), rows });
    const [sizes] = await query(
      `SELECT count(*)::INTEGER AS rows, min(strlen(summary_html))::INTEGER AS bytes FROM '${location}'`,
    );
    expect(sizes).toEqual({ rows: 400, bytes: 600_000 });
  });

  test.each(["it's [a] *folder*?", '{x,y}', 'spaces and ünïcode'])(
    'the export folder may be called %s',
    async (name) => {
      const root = await exportFolder(name);
      expect(await runAttempt({ root, rows: rowsOf(3) })).toMatchObject({ rows: 3 });
      expect((await verifyExport(root, EXPORT)).status).toBe('whole');
      expect(await names(root)).toEqual(WHOLE);
    },
  );

  test('the metadata of the file names the invocation and the export', async () => {
    const { location } = await runAttempt({ root: await exportFolder(), rows: [] });
    const metadata = await query(
      `SELECT decode(key) AS key, decode(value) AS value FROM parquet_kv_metadata('${location}') ORDER BY key`,
    );
    expect(metadata).toEqual([
      { key: 'postlude_export', value: 'f1' },
      { key: 'postlude_invocation', value: 'build-1' },
    ]);
  });
});

test('a new export folder is private, one that exists keeps its mode', async () => {
  const root = await exportFolder();
  await runAttempt({ root, rows: rowsOf(3) });
  expect((await stat(root)).mode & 0o777).toBe(0o700);
  await chmod(root, 0o750);
  await runAttempt({ root, rows: rowsOf(3), exported: { index: 1 } });
  expect((await stat(root)).mode & 0o777).toBe(0o750);
});
