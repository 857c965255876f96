import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type SinkWorld, SUITE_EXPORT, testSink } from '../../../test/support/suites/sink-suite.ts';
import { exportFiles } from './export-files.ts';
import { ParquetSink } from './parquet-sink.ts';

/** Several processes of one machine, or of machines that share a file system. */
async function openWorld(): Promise<SinkWorld> {
  const root = await mkdtemp(join(tmpdir(), 'postlude-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const { folder } = exportFiles(root, SUITE_EXPORT);
  const names = async () => (await readdir(folder)).sort();
  const isHidden = (name: string): boolean => name.startsWith('.');
  return {
    open: async () => new ParquetSink({ root }),
    list: async () => (await names()).filter((name) => !isHidden(name)),
    fetch: async (name) => join(folder, name),
    leftovers: async () => (await names()).filter(isHidden),
  };
}

testSink(openWorld, () => /results/);
