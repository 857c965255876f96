/** The contract of a sink (src/exporter/sink.ts), checked for each kind that writes Parquet. */
import { readFile } from 'node:fs/promises';
import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, test } from 'vitest';
import { cutBatches } from '../../../src/exporter/batches.ts';
import { INVOCATION_ROW_INDEX } from '../../../src/exporter/export-index.ts';
import { systemDisk } from '../../../src/exporter/parquet/disk.ts';
import { type ExportRow, INVOCATIONS, TEST_RESULTS } from '../../../src/exporter/rows/row-kind.ts';
import {
  type Export,
  isReceipt,
  type Receipt,
  type Sink,
  type SinkSession,
} from '../../../src/exporter/sink.ts';
import { invocationRowOf, rowsOf } from '../exports/export-rows.ts';

/** A place that exports land in, for one test. */
export interface SinkWorld {
  /** Opens a sink as another process on another machine would. */
  open(): Promise<Sink>;
  /** Returns the names of all files in the folder of the table. */
  list(): Promise<string[]>;
  /** Returns a path of this machine at which the Parquet file of `name` can be read. */
  fetch(name: string): Promise<string>;
  /** Returns what failed attempts have left, on this machine or in the storage. */
  leftovers(): Promise<string[]>;
}

export const SUITE_EXPORT: Export = {
  table: { project: 'acme', dataset: 'tests', table: 'results' },
  invocationId: 'build-1',
  index: 0,
  kind: TEST_RESULTS,
  fingerprint: 'f1',
  attempt: 1,
};

/** The export of the row of the same invocation. */
export const SUITE_ROW_EXPORT: Export = {
  ...SUITE_EXPORT,
  index: INVOCATION_ROW_INDEX,
  kind: INVOCATIONS,
};

const LIVE = new AbortController().signal;

/** Runs one attempt as the exporter does. */
export async function runAttempt(
  sink: Sink,
  rows: readonly ExportRow[],
  { signal = LIVE, ...exported }: Partial<Export> & { readonly signal?: AbortSignal } = {},
): Promise<Receipt> {
  const begun = await sink.begin({ ...SUITE_EXPORT, ...exported });
  if (isReceipt(begun)) return begun;
  try {
    await appendAll(begun, rows);
    return await begun.commit({ rows: rows.length }, signal);
  } catch (error) {
    await begun.abort();
    throw error;
  }
}

export async function beginSession(sink: Sink, exported: Partial<Export> = {}) {
  const begun = await sink.begin({ ...SUITE_EXPORT, ...exported });
  if (isReceipt(begun)) throw new Error('has been exported before');
  return begun;
}

export async function appendAll(session: SinkSession, rows: readonly ExportRow[]): Promise<void> {
  const limits = { maxRows: 4, maxBytes: 1e6 };
  for await (const batch of cutBatches(onePage(rows), limits)) await session.append(batch);
}

async function* onePage(rows: readonly ExportRow[]) {
  yield rows;
}

/** Requires one whole file with each row once, its manifest, and nothing else anywhere. */
export async function expectWhole(
  world: SinkWorld,
  rows: number,
  { context = '', kind = TEST_RESULTS } = {},
): Promise<void> {
  const [stem, key] =
    kind === INVOCATIONS ? ['build-1-invocation', 'id'] : ['build-1-0', 'test_id'];
  expect(await world.list(), context).toEqual([`${stem}.manifest.json`, `${stem}.parquet`]);
  const file = await world.fetch(`${stem}.parquet`);
  const found = await queryOne(
    `SELECT count(*)::INTEGER AS rows, count(DISTINCT ${key})::INTEGER AS keys FROM '${file}'`,
  );
  expect(found, context).toEqual({ rows, keys: rows });
  const manifest = await readFile(await world.fetch(`${stem}.manifest.json`), 'utf8');
  const { bytes, sha256 } = (await systemDisk.digest(file)) ?? {};
  expect(JSON.parse(manifest), context).toMatchObject({ rows, bytes, sha256 });
  expect(await world.leftovers(), context).toEqual([]);
}

async function queryOne(sql: string): Promise<unknown> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  const [row] = (await connection.runAndReadAll(sql)).getRowObjectsJson();
  connection.closeSync();
  instance.closeSync();
  return row;
}

/** `location` is the start of the location of all receipts. */
export function testSink(open: () => Promise<SinkWorld>, location: () => RegExp): void {
  describe('the contract of a sink', () => {
    test('an export is found once it has been committed, with its rows and checksum', async () => {
      const world = await open();
      const sink = await world.open();
      const { attempt: _, ...exported } = SUITE_EXPORT;
      expect(await sink.find(exported)).toBeUndefined();
      const receipt = await runAttempt(sink, rowsOf(10));
      expect(receipt).toEqual({
        rows: 10,
        bytes: expect.any(Number),
        sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
        location: expect.stringMatching(location()),
      });
      expect(receipt.location).toMatch(/acme\.tests\.results\/build-1-0\.parquet$/);
      expect(await sink.find(exported)).toEqual(receipt);
      expect(await sink.find({ ...exported, fingerprint: 'f2' })).toBeUndefined();
      expect(await sink.find({ ...exported, index: 1 })).toBeUndefined();
      await expectWhole(world, 10);
    });

    test('an export without rows is a file without rows', async () => {
      const world = await open();
      expect(await runAttempt(await world.open(), [])).toMatchObject({ rows: 0 });
      await expectWhole(world, 0);
    });

    test('the row of an invocation is a file beside those of its results', async () => {
      const world = await open();
      const row = invocationRowOf('build-1');
      const { location } = await runAttempt(await world.open(), [row], SUITE_ROW_EXPORT);
      expect(location).toMatch(/acme\.tests\.results\/build-1-invocation\.parquet$/);
      await expectWhole(world, 1, { kind: INVOCATIONS });
      const file = await world.fetch('build-1-invocation.parquet');
      const read = `SELECT * REPLACE (epoch_us(create_time) AS create_time,
        epoch_us(finalize_time) AS finalize_time, epoch_us(partition_time) AS partition_time)`;
      expect(await queryOne(`${read} FROM '${file}'`)).toEqual({
        ...row,
        create_time: String(row.create_time),
        finalize_time: String(row.finalize_time),
        producer_resource: null,
        extended_properties: null,
        sources: null,
        partition_time: String(row.partition_time),
      });
    });

    test('running again returns the same receipt, on whichever machine', async () => {
      const world = await open();
      const first = await runAttempt(await world.open(), rowsOf(5));
      const again = await runAttempt(await world.open(), rowsOf(5), { attempt: 2 });
      expect(again).toEqual(first);
      await expectWhole(world, 5);
    });

    test('nothing is visible before the commit, and an abort leaves nothing', async () => {
      const world = await open();
      const session = await beginSession(await world.open());
      await appendAll(session, rowsOf(5));
      expect((await world.list()).filter((name) => name.endsWith('.parquet'))).toEqual([]);
      await session.abort();
      expect(await world.list()).toEqual([]);
      expect(await world.leftovers()).toEqual([]);
    });

    test('fewer rows than were counted are an error, and there is no file', async () => {
      const world = await open();
      const session = await beginSession(await world.open());
      await appendAll(session, rowsOf(2));
      await expect(session.commit({ rows: 3 }, LIVE)).rejects.toMatchObject({ code: 'data-loss' });
      await session.abort();
      expect(await world.list()).toEqual([]);
    });

    test('an aborted commit throws the reason, and leaves nothing', async () => {
      const world = await open();
      const signal = AbortSignal.abort(new Error('stopping'));
      const attempt = runAttempt(await world.open(), rowsOf(5), { signal });
      await expect(attempt).rejects.toThrow('stopping');
      expect(await world.list()).toEqual([]);
      expect(await world.leftovers()).toEqual([]);
    });

    test('an export of another database with the same name is replaced', async () => {
      const world = await open();
      await runAttempt(await world.open(), rowsOf(5));
      const sink = await world.open();
      const receipt = await runAttempt(sink, rowsOf(7), { fingerprint: 'f2' });
      expect(receipt.rows).toBe(7);
      const { attempt: _, ...exported } = SUITE_EXPORT;
      expect(await sink.find({ ...exported, fingerprint: 'f2' })).toEqual(receipt);
      expect(await sink.find(exported)).toBeUndefined();
      await expectWhole(world, 7);
    });

    test.each([
      ['the earlier', 0],
      ['the later', 1],
    ])('of two attempts at once one file remains, if %s commits first', async (_, first) => {
      const world = await open();
      const sessions = [
        await beginSession(await world.open(), { attempt: 1 }),
        await beginSession(await world.open(), { attempt: 2 }),
      ];
      for (const session of sessions) await appendAll(session, rowsOf(5)).catch(() => undefined);
      const order = first === 0 ? sessions : sessions.reverse();
      const receipts: Receipt[] = [];
      for (const session of order) {
        await session.commit({ rows: 5 }, LIVE).then(
          (receipt) => receipts.push(receipt),
          () => session.abort(),
        );
      }
      expect(receipts.length).toBeGreaterThan(0);
      for (const receipt of receipts) expect(receipt).toEqual(receipts[0]);
      await expectWhole(world, 5);
    });
  });
}
