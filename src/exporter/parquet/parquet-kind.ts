/** The kind of sink that writes Parquet files into a folder of this machine. */
import { dirname } from 'node:path';
import { CodedError, randomHex, toError } from '@postlude/queue/foundations';
import { type SinkParts, sinkKind } from '../sinks/sink-kind.ts';
import { folder } from '../sinks/sink-options.ts';
import { systemDisk } from './disk.ts';
import { DUCKDB } from './duckdb.ts';
import { probeFile } from './export-files.ts';
import { verifyExport } from './manifest.ts';
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
      verify: (name) => verifyExport(root, name),
      close: async () => undefined,
    };
  },
});

/** It does not create the folder, which would then belong to the user who runs the check. */
async function probeFolder(root: string): Promise<{ readonly location: string }> {
  const folder = await existingFolder(root);
  const file = probeFile(folder, randomHex(8));
  try {
    await (await systemDisk.create(file)).close();
    await systemDisk.remove(file);
  } catch (cause) {
    const { message } = toError(cause);
    throw new CodedError('misconfigured', `${folder} cannot be written to: ${message}`, { cause });
  }
  return { location: root };
}

/** Returns the folder, or the one above in which it would be created. */
async function existingFolder(path: string): Promise<string> {
  const isThere = (await systemDisk.size(path)) !== undefined;
  return isThere || dirname(path) === path ? path : await existingFolder(dirname(path));
}
