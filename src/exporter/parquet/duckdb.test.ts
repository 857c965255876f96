import { once } from 'node:events';
import { watch } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { TEST_RESULT_COLUMNS } from '../rows/schema.ts';
import { type Conversion, convertToParquet } from './duckdb.ts';

async function conversionOf(rows: number): Promise<Conversion & { readonly folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'postlude-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const from = join(folder, 'rows');
  await writeFile(from, `{"test_id":"t","summary_html":"${'x'.repeat(100)}"}\n`.repeat(rows));
  const to = join(folder, 'data');
  const spill = join(folder, 'spill');
  return {
    folder,
    from,
    more: undefined,
    to,
    columns: TEST_RESULT_COLUMNS,
    spill,
    maxLineBytes: 200,
    rowGroupRows: 64,
    metadata: { run: '1' },
  };
}

const LIVE = new AbortController().signal;

test('returns how many rows there are', async () => {
  expect(await convertToParquet(await conversionOf(70), LIVE)).toBe(70);
});

test('an abort interrupts a conversion under way, and does not affect the next one', async () => {
  const conversion = await conversionOf(200_000);
  const aborting = new AbortController();
  const watched = watch(conversion.folder);
  const hasBegun = once(watched, 'change');
  const converted = convertToParquet(conversion, aborting.signal);
  await Promise.race([hasBegun, converted]);
  aborting.abort(new Error('shutting down'));
  await expect(converted).rejects.toThrow('shutting down');
  watched.close();
  expect(await convertToParquet(await conversionOf(3), LIVE)).toBe(3);
});

test('a conversion that waits for another one does not begin once it is aborted', async () => {
  const aborting = new AbortController();
  const other = convertToParquet(await conversionOf(3), LIVE);
  const waiting = convertToParquet(await conversionOf(3), aborting.signal);
  aborting.abort(new Error('shutting down'));
  await expect(waiting).rejects.toThrow('shutting down');
  expect(await other).toBe(3);
});
