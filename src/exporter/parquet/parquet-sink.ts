/**
 * Writes exports as Parquet files, one file for each export. At whatever step an attempt dies, a
 * file is whole or absent: an attempt writes under names of its own and renames its files at the
 * end, the data first and the manifest last, and each is on the disk before the next step.
 *
 * Attempts recognize each other by those names. A new attempt removes the parts of all earlier
 * ones, so an attempt that lives on without its lease finds its rows gone, and fails. If it looks
 * just before that removal and renames just after it, it puts the same bytes in the same place.
 */
import { basename, dirname, join } from 'node:path';
import { CodedError, type Log, silentLog } from '@postlude/queue/foundations';
import type { Batch } from '../batches.ts';
import type { Export, ExportSummary, Receipt, Sink, SinkSession } from '../sink.ts';
import { type Disk, systemDisk } from './disk.ts';
import { type ExportFiles, exportFiles, type Part } from './export-files.ts';
import {
  createManifest,
  formatManifest,
  type Manifest,
  readManifest,
  toReceipt,
  verifyFiles,
} from './manifest.ts';
import { ParquetFile } from './parquet-file.ts';

export interface ParquetSinkOptions {
  /** The export folder. It is created when it is first needed, and then only its user can open it. */
  readonly root: string;
  readonly log?: Log;
  readonly disk?: Disk;
}

const PRIVATE = 0o700;
const PARTS: readonly Part[] = ['rows', 'more', 'data', 'manifest', 'spill'];

export class ParquetSink implements Sink {
  readonly #root: string;
  readonly #log: Log;
  readonly #disk: Disk;

  constructor({ root, log = silentLog, disk = systemDisk }: ParquetSinkOptions) {
    this.#root = root;
    this.#log = log;
    this.#disk = disk;
  }

  async begin(exported: Export): Promise<SinkSession | Receipt> {
    const disk = this.#disk;
    const files = exportFiles(this.#root, exported);
    await disk.makeFolder(this.#root, PRIVATE);
    await disk.makeFolder(files.folder);
    await removeParts(disk, files, (attempt) => attempt <= exported.attempt);
    const found = await verifyFiles(disk, files);
    if (found.status === 'whole' && found.manifest.fingerprint === exported.fingerprint) {
      return toReceipt(found.manifest, files);
    }
    if (found.status === 'damaged') {
      this.#log.warn('replacing a damaged export', { file: files.data, reason: found.reason });
    }
    const part = (name: Part): string => files.part(exported.attempt, name);
    const parquet = await ParquetFile.create(disk, {
      rows: part('rows'),
      more: part('more'),
      data: part('data'),
      spill: part('spill'),
    });
    return new ParquetSession({ exported, files, disk, log: this.#log, parquet });
  }

  /** It compares manifest and size only. It does not read the file, as it is called often. */
  async find(exported: Omit<Export, 'attempt'>): Promise<Receipt | undefined> {
    const files = exportFiles(this.#root, exported);
    const manifest = await readManifest(this.#disk, files);
    if (manifest?.fingerprint !== exported.fingerprint) return undefined;
    const isThere = (await this.#disk.size(files.data)) === manifest.bytes;
    return isThere ? toReceipt(manifest, files) : undefined;
  }
}

interface SessionState {
  readonly exported: Export;
  readonly files: ExportFiles;
  readonly disk: Disk;
  readonly log: Log;
  readonly parquet: ParquetFile;
}

class ParquetSession implements SinkSession {
  readonly #state: SessionState;

  constructor(state: SessionState) {
    this.#state = state;
  }

  append(batch: Batch): Promise<void> {
    return this.#state.parquet.append(batch);
  }

  async commit(summary: ExportSummary, signal: AbortSignal): Promise<Receipt> {
    const { disk, files, exported, parquet } = this.#state;
    await parquet.convert(exported, summary, signal);
    const manifest = await this.#manifest(summary);
    signal.throwIfAborted();
    await this.#requireNewest();
    await publish(disk, this.#part('data'), files.data);
    await this.#writeManifest(manifest);
    await publish(disk, this.#part('manifest'), files.manifest);
    // This removes the parts of other attempts too, as these have nothing left to do.
    await removeParts(disk, files, () => true).catch((error: unknown) =>
      this.#state.log.warn('cannot remove the parts of an export', { error, export: exported }),
    );
    return toReceipt(manifest, files);
  }

  async abort(): Promise<void> {
    const { disk, log, parquet } = this.#state;
    const warn = (error: unknown): void =>
      log.warn('cannot remove the parts of an export', { error });
    await parquet.close();
    for (const part of PARTS) await disk.remove(this.#part(part)).catch(warn);
  }

  async #manifest(summary: ExportSummary): Promise<Manifest> {
    const { disk, exported, files } = this.#state;
    const digest = await disk.digest(this.#part('data'));
    if (digest === undefined) throw superseded(exported);
    return createManifest(exported, { ...digest, file: basename(files.data), ...summary });
  }

  async #writeManifest(manifest: Manifest): Promise<void> {
    const file = await this.#state.disk.create(this.#part('manifest'));
    try {
      await file.write(formatManifest(manifest));
    } finally {
      await file.close();
    }
  }

  async #requireNewest(): Promise<void> {
    const { disk, exported, files } = this.#state;
    const names = await disk.list(files.folder);
    if (!names.includes(basename(this.#part('rows')))) throw superseded(exported);
  }

  #part(part: Part): string {
    return this.#state.files.part(this.#state.exported.attempt, part);
  }
}

/** Gives a file its final name once its content is on the disk. */
async function publish(disk: Disk, part: string, path: string): Promise<void> {
  await disk.sync(part);
  await disk.rename(part, path);
  await disk.sync(dirname(path));
}

async function removeParts(
  disk: Disk,
  files: ExportFiles,
  isWanted: (attempt: number) => boolean,
): Promise<void> {
  for (const name of await disk.list(files.folder)) {
    const attempt = files.attemptOf(name);
    if (attempt !== undefined && isWanted(attempt)) await disk.remove(join(files.folder, name));
  }
}

function superseded({ invocationId, index, attempt }: Export): CodedError {
  return new CodedError(
    'lease-lost',
    `a later attempt than ${attempt} exports invocations/${invocationId}, export ${index}`,
  );
}
