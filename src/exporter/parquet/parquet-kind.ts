/** The kind of sink that writes Parquet files into a folder of this machine. */
import { randomHex } from '@postlude/queue/foundations';
import { type SinkParts, sinkKind } from '../sinks/sink-kind.ts';
import { folder } from '../sinks/sink-options.ts';
import { systemDisk } from './disk.ts';
import { DUCKDB } from './duckdb.ts';
import { probeFile } from './export-files.ts';
import { ParquetSink } from './parquet-sink.ts';

export const parquetKind = sinkKind({
  options: {
    folder: folder('The folder that the files go to. It is created when it is first needed.'),
  },
  packages: [DUCKDB],
  open: async ({ folder: root }, { log }: SinkParts) => {
    const sink = new ParquetSink({ root, log });
    return {
      begin: (exported) => sink.begin(exported),
      find: (exported) => sink.find(exported),
      probe: () => probeFolder(root),
      close: async () => undefined,
    };
  },
});

async function probeFolder(root: string): Promise<{ readonly location: string }> {
  const file = probeFile(root, randomHex(8));
  await systemDisk.makeFolder(root);
  await (await systemDisk.create(file)).close();
  await systemDisk.remove(file);
  return { location: root };
}
