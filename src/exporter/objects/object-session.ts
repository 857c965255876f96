/** One attempt at an export: a file on this machine, which is uploaded when it is whole. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '@postlude/queue/foundations';
import { CodedError } from '@postlude/queue/foundations';
import type { Batch } from '../batches.ts';
import { systemDisk } from '../parquet/disk.ts';
import { ParquetFile } from '../parquet/parquet-file.ts';
import type { Export, ExportSummary, Receipt, SinkSession } from '../sink.ts';
import { isExport, type ObjectKeys, toMetadata, toObjectReceipt } from './export-object.ts';
import { writeManifest } from './object-manifest.ts';
import type { ObjectInfo, ObjectStore } from './object-store.ts';
import type { Spool } from './spool.ts';

export interface ObjectSessionParts {
  readonly store: ObjectStore;
  readonly spool: Spool;
  readonly log: Log;
  readonly exported: Export;
  readonly keys: ObjectKeys;
  /** The object that was in the place of the export when the attempt began. */
  readonly seen: ObjectInfo | undefined;
}

type Described = Pick<ObjectInfo, 'bytes' | 'metadata'>;

export class ObjectSession implements SinkSession {
  readonly #parts: ObjectSessionParts;
  readonly #folder: string;
  readonly #parquet: ParquetFile;

  private constructor(parts: ObjectSessionParts, folder: string, parquet: ParquetFile) {
    this.#parts = parts;
    this.#folder = folder;
    this.#parquet = parquet;
  }

  static async begin(parts: ObjectSessionParts): Promise<ObjectSession> {
    const folder = await parts.spool.makeFolder();
    const parquet = await ParquetFile.create(systemDisk, {
      rows: join(folder, 'rows'),
      more: join(folder, 'more'),
      data: dataFile(folder),
      spill: join(folder, 'spill'),
    });
    return new ObjectSession(parts, folder, parquet);
  }

  append(batch: Batch): Promise<void> {
    return this.#parquet.append(batch);
  }

  async commit(summary: ExportSummary, signal: AbortSignal): Promise<Receipt> {
    const { store, exported, keys } = this.#parts;
    await this.#parquet.convert(exported, summary, signal);
    const digest = await systemDisk.digest(dataFile(this.#folder));
    if (!digest) throw new Error(`the file of invocations/${exported.invocationId} is gone`);
    const metadata = toMetadata(exported, { ...digest, ...summary });
    signal.throwIfAborted();
    const info = await this.#upload({ bytes: digest.bytes, metadata }, signal);
    const receipt = toObjectReceipt(info, store.location(keys.data));
    if (receipt.rows !== summary.rows) throw differs(receipt, summary);
    await writeManifest(store, { keys, exported, info });
    await this.#removeFolder();
    return receipt;
  }

  async abort(): Promise<void> {
    await this.#parquet.close();
    await this.#removeFolder();
  }

  /** Returns what is there in the end, which another attempt at the same export may have written. */
  async #upload(described: Described, signal: AbortSignal): Promise<Described> {
    const { store, exported, keys, seen } = this.#parts;
    const request = {
      key: keys.data,
      content: { path: dataFile(this.#folder), bytes: described.bytes },
      contentType: 'application/vnd.apache.parquet',
      metadata: described.metadata,
      expected: seen ?? 'absent',
    } as const;
    const outcome = await store.put(request, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      return { error };
    });
    if (outcome === 'written') return described;
    // After an error, or if our own first request conflicts with its retry, the object may be ours.
    const info = await store.stat(keys.data).catch((error: unknown) => {
      throw outcome === 'conflict' ? error : outcome.error;
    });
    if (info && isExport(info, exported)) return info;
    throw outcome === 'conflict' ? superseded(exported) : outcome.error;
  }

  async #removeFolder(): Promise<void> {
    const warn = (error: unknown): void =>
      this.#parts.log.warn('cannot remove the files of an export', { error, folder: this.#folder });
    await rm(this.#folder, { recursive: true, force: true }).catch(warn);
  }
}

function dataFile(folder: string): string {
  return join(folder, 'data.parquet');
}

function superseded({ invocationId, index, attempt }: Export): CodedError {
  return new CodedError(
    'lease-lost',
    `since attempt ${attempt} began, something else was written in the place of invocations/${invocationId}, export ${index}`,
  );
}

function differs(receipt: Receipt, summary: ExportSummary): CodedError {
  return new CodedError(
    'data-loss',
    `${receipt.location} has ${receipt.rows} rows instead of ${summary.rows}`,
  );
}
