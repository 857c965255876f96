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
import { CodedError } from '../../errors.ts';
import { type Log, silentLog } from '../../log.ts';
import type { Batch } from '../batches.ts';
import type { Export, ExportSummary, Receipt, Sink, SinkSession } from '../sink.ts';
import { type Disk, type DiskFile, systemDisk } from './disk.ts';
import { type Conversion, convertToParquet } from './duckdb.ts';
import { type ExportFiles, exportFiles, type Part } from './export-files.ts';
import { type Manifest, readManifest, toReceipt, verifyFiles } from './manifest.ts';

export interface ParquetSinkOptions {
  /** The export folder. It is created when it is first needed. */
  readonly root: string;
  readonly log?: Log;
  readonly disk?: Disk;
}

/** The size of the rows as JSON. A reader must hold a part of this at once: one column. */
const ROW_GROUP_BYTES = 4 * 1024 * 1024;
const MIN_ROW_GROUP_ROWS = 64;
const MAX_ROW_GROUP_ROWS = 122_880;

const PARTS: readonly Part[] = ['rows', 'data', 'manifest', 'spill'];

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
    await disk.makeFolder(files.folder);
    await removeParts(disk, files, (attempt) => attempt <= exported.attempt);
    const found = await verifyFiles(disk, files);
    if (found.status === 'whole' && found.manifest.fingerprint === exported.fingerprint) {
      return toReceipt(found.manifest, files);
    }
    if (found.status === 'damaged') {
      this.#log.warn('replacing a damaged export', { file: files.data, reason: found.reason });
    }
    const rows = await disk.create(files.part(exported.attempt, 'rows'));
    return new ParquetSession({ exported, files, disk, log: this.#log, rows });
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
  /** JSON lines. Rows cannot be appended to Parquet, as its row groups consist of columns. */
  readonly rows: DiskFile;
}

class ParquetSession implements SinkSession {
  readonly #state: SessionState;
  #maxLineBytes = 0;
  #maxRowBytes = 1;

  constructor(state: SessionState) {
    this.#state = state;
  }

  async append(batch: Batch): Promise<void> {
    let lines = '';
    for (const row of batch.rows) {
      const line = JSON.stringify(row);
      // A UTF-16 code unit takes up to three bytes of UTF-8.
      this.#maxLineBytes = Math.max(this.#maxLineBytes, line.length * 3);
      lines += `${line}\n`;
    }
    this.#maxRowBytes = Math.max(this.#maxRowBytes, batch.bytes / batch.rows.length);
    await this.#state.rows.write(lines);
  }

  async commit(summary: ExportSummary, signal: AbortSignal): Promise<Receipt> {
    const { disk, files, exported, rows } = this.#state;
    await rows.close();
    await this.#convert(summary, signal);
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
    const { disk, log, rows } = this.#state;
    const warn = (error: unknown): void =>
      log.warn('cannot remove the parts of an export', { error });
    await rows.close().catch(() => undefined);
    for (const part of PARTS) await disk.remove(this.#part(part)).catch(warn);
  }

  async #convert(summary: ExportSummary, signal: AbortSignal): Promise<void> {
    const { exported } = this.#state;
    const conversion: Conversion = {
      from: this.#part('rows'),
      to: this.#part('data'),
      spill: this.#part('spill'),
      maxLineBytes: this.#maxLineBytes,
      rowGroupRows: rowGroupRows(this.#maxRowBytes),
      metadata: {
        postlude_invocation: exported.invocationId,
        postlude_export: exported.fingerprint,
      },
    };
    const rows = await convertToParquet(conversion, signal);
    if (rows === summary.rows) return;
    throw new CodedError('data-loss', `wrote ${rows} rows instead of ${summary.rows}`);
  }

  async #manifest(summary: ExportSummary): Promise<Manifest> {
    const { disk, exported, files } = this.#state;
    const digest = await disk.digest(this.#part('data'));
    if (digest === undefined) throw superseded(exported);
    return {
      version: 1,
      file: basename(files.data),
      rows: summary.rows,
      ...digest,
      ...exported.table,
      invocation: exported.invocationId,
      index: exported.index,
      fingerprint: exported.fingerprint,
    };
  }

  async #writeManifest(manifest: Manifest): Promise<void> {
    const file = await this.#state.disk.create(this.#part('manifest'));
    try {
      await file.write(`${JSON.stringify(manifest, undefined, 2)}\n`);
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

function rowGroupRows(maxRowBytes: number): number {
  const rows = Math.floor(ROW_GROUP_BYTES / maxRowBytes);
  return Math.min(MAX_ROW_GROUP_ROWS, Math.max(MIN_ROW_GROUP_ROWS, rows));
}

function superseded({ invocationId, index, attempt }: Export): CodedError {
  return new CodedError(
    'lease-lost',
    `a later attempt than ${attempt} exports invocations/${invocationId}, export ${index}`,
  );
}
