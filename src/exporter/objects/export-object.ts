/**
 * The object of an export: its key, and the metadata by which it is recognized. The metadata appear
 * together with the content, so they are true of it whatever becomes of the attempt.
 */
import type { Digest } from '../parquet/disk.ts';
import { type ExportName, exportNames } from '../parquet/export-files.ts';
import type { Export, Receipt } from '../sink.ts';
import type { ObjectInfo } from './object-store.ts';

export interface ObjectKeys {
  readonly data: string;
  readonly manifest: string;
}

export interface DescribedObject extends Digest {
  readonly rows: number;
}

export function objectKeys(prefix: string, name: ExportName): ObjectKeys {
  const { folder, stem } = exportNames(name);
  const key = joinKey(prefix, `${folder}/${stem}`);
  return { data: `${key}.parquet`, manifest: `${key}.manifest.json` };
}

export function joinKey(prefix: string, name: string): string {
  return prefix === '' ? name : `${prefix}/${name}`;
}

export function toMetadata(
  { fingerprint }: Pick<Export, 'fingerprint'>,
  { rows, bytes, sha256 }: DescribedObject,
): Readonly<Record<string, string>> {
  return {
    'postlude-export': fingerprint,
    'postlude-rows': String(rows),
    'postlude-bytes': String(bytes),
    'postlude-sha256': sha256,
  };
}

/** Whether the object is that export, and has the size that it was written with. */
export function isExport(
  { bytes, metadata }: Pick<ObjectInfo, 'bytes' | 'metadata'>,
  { fingerprint }: Pick<Export, 'fingerprint'>,
): boolean {
  return metadata['postlude-export'] === fingerprint && metadata['postlude-bytes'] === `${bytes}`;
}

export function describedBy({ bytes, metadata }: Pick<ObjectInfo, 'bytes' | 'metadata'>) {
  return {
    bytes,
    rows: Number(metadata['postlude-rows']),
    sha256: metadata['postlude-sha256'] ?? '',
  } satisfies DescribedObject;
}

export function toObjectReceipt(
  info: Pick<ObjectInfo, 'bytes' | 'metadata'>,
  location: string,
): Receipt {
  return { ...describedBy(info), location };
}
