import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { expect, onTestFinished, test } from 'vitest';
import { rowsOf } from '../../../test/support/exports/export-rows.ts';
import { FaultyDisk } from '../../../test/support/exports/faulty-disk.ts';
import { cutBatches } from '../batches.ts';
import { TEST_RESULTS } from '../rows/row-kind.ts';
import type { TestResultRow } from '../rows/test-result-row.ts';
import { isReceipt, type Receipt } from '../sink.ts';
import type { Disk } from './disk.ts';
import { ParquetSink } from './parquet-sink.ts';

/** So long that two of them do not fit into one file of rows. */
const LONG = 'x'.repeat(1_100_000);
const LIVE = new AbortController().signal;

/** The third and the seventh row begin a file of their own. */
function longRows(): TestResultRow[] {
  const isLong = (index: number): boolean => [1, 2, 6].includes(index);
  return rowsOf(10).map((row, index) => (isLong(index) ? { ...row, summary_html: LONG } : row));
}

interface Attempt {
  readonly root: string;
  readonly rows: readonly TestResultRow[];
  readonly attempt?: number;
  readonly maxRows?: number;
  readonly disk?: Disk;
}

async function runAttempt({
  root,
  rows,
  attempt = 1,
  maxRows = 4,
  ...disk
}: Attempt): Promise<Receipt> {
  const begun = await new ParquetSink({ root, ...disk }).begin({
    table: { project: 'acme', dataset: 'tests', table: 'results' },
    invocationId: 'build-1',
    index: 0,
    kind: TEST_RESULTS,
    fingerprint: 'f1',
    attempt,
  });
  if (isReceipt(begun)) return begun;
  for await (const batch of cutBatches(onePage(rows), { maxRows, maxBytes: 1e7 })) {
    await begun.append(batch);
  }
  return await begun.commit({ rows: rows.length }, LIVE);
}

async function* onePage(rows: readonly TestResultRow[]) {
  yield rows;
}

async function exportFolder(name = 'exports'): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'postlude-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return join(folder, name);
}

async function filesIn(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
    .sort();
}

async function query(sql: string): Promise<unknown[]> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  const rows = (await connection.runAndReadAll(sql)).getRowObjectsJson();
  connection.closeSync();
  instance.closeSync();
  return rows;
}

test('rows that take several files are in order, and give the same bytes, whatever the batches', async () => {
  const rows = longRows();
  const disk = new FaultyDisk();
  const first = await runAttempt({ root: await exportFolder(), rows, disk });
  const [ofRows, ofManifest] = [3, 1];
  expect(disk.steps.filter((step) => step === 'create')).toHaveLength(ofRows + ofManifest);
  const other = await runAttempt({ root: await exportFolder(), rows, maxRows: 10, attempt: 9 });
  expect(other.sha256).toBe(first.sha256);
  const read = `SELECT test_id, length(summary_html)::INTEGER AS long FROM '${first.location}'`;
  expect(await query(read)).toEqual(
    rows.map(({ test_id, summary_html }) => ({ test_id, long: summary_html?.length ?? null })),
  );
});

test('the files of a crashed attempt are removed by the next one', async () => {
  for (let step = 1; ; step++) {
    const root = await exportFolder();
    const disk = new FaultyDisk({ step, when: 'after', what: 'crash' });
    await expect(runAttempt({ root, rows: longRows(), disk })).rejects.toThrow();
    if (disk.steps[step - 1] === 'sync') return expect(step).toBeGreaterThan(15);
    await runAttempt({ root, rows: rowsOf(1), attempt: 2 });
    expect(await filesIn(root), `step ${step}`).toEqual([
      'build-1-0.manifest.json',
      'build-1-0.parquet',
    ]);
  }
});

test.each(["it's [a] *folder*?", '{x,y}', 'spaces and ünïcode'])(
  'the files are found in a folder that is called %s',
  async (name) => {
    const receipt = await runAttempt({ root: await exportFolder(name), rows: longRows() });
    expect(receipt.rows).toBe(10);
  },
);
