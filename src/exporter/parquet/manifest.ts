/**
 * The manifest beside a Parquet file, which describes that file. It is written last: if a file has
 * no manifest, its export has not ended.
 */
import type { Export, Receipt } from '../sink.ts';
import { type Digest, type Disk, systemDisk } from './disk.ts';
import { type ExportFiles, type ExportName, exportFiles } from './export-files.ts';

export interface Manifest {
  /** The version of this format; a later one may differ. */
  readonly version: 1;
  /** The name of the Parquet file. */
  readonly file: string;
  readonly rows: number;
  readonly bytes: number;
  /** The digest of the Parquet file, in hex. */
  readonly sha256: string;
  readonly project: string;
  readonly dataset: string;
  readonly table: string;
  readonly invocation: string;
  readonly index: number;
  /** See `Export`. */
  readonly fingerprint: string;
}

/**
 * - `whole`: the file is byte for byte the one that its manifest describes.
 * - `missing`: there is no such file.
 * - `unfinished`: it has no manifest that can be read; the export will be tried again.
 * - `damaged`: it differs from its manifest.
 */
export type Verification =
  | { readonly status: 'whole'; readonly manifest: Manifest }
  | { readonly status: 'missing' | 'unfinished' }
  | { readonly status: 'damaged'; readonly reason: string };

/**
 * Reads the whole file of an export and compares it with its manifest. `root` is the export folder.
 */
export function verifyExport(root: string, name: ExportName): Promise<Verification> {
  return verifyFiles(systemDisk, exportFiles(root, name));
}

export async function verifyFiles(disk: Disk, files: ExportFiles): Promise<Verification> {
  const digest = await disk.digest(files.data);
  if (digest === undefined) return { status: 'missing' };
  const manifest = await readManifest(disk, files);
  return compareToManifest(digest, manifest);
}

/** Compares the digest of a whole file with the manifest, if there is one. */
export function compareToManifest(digest: Digest, manifest: Manifest | undefined): Verification {
  if (manifest === undefined) return { status: 'unfinished' };
  if (digest.sha256 === manifest.sha256) return { status: 'whole', manifest };
  const reason =
    digest.bytes === manifest.bytes
      ? `its SHA-256 is ${digest.sha256} instead of ${manifest.sha256}`
      : `it has ${digest.bytes} bytes instead of ${manifest.bytes}`;
  return { status: 'damaged', reason };
}

/** Returns `undefined` if there is no manifest that this version has written. */
export async function readManifest(disk: Disk, files: ExportFiles): Promise<Manifest | undefined> {
  return parseManifest(await disk.readText(files.manifest));
}

export function toReceipt({ rows, bytes, sha256 }: Manifest, files: ExportFiles): Receipt {
  return { rows, bytes, sha256, location: files.data };
}

type Described = Digest & { readonly file: string; readonly rows: number };

export function createManifest(exported: Omit<Export, 'attempt'>, described: Described): Manifest {
  const { file, rows, bytes, sha256 } = described;
  return {
    version: 1,
    file,
    rows,
    bytes,
    sha256,
    ...exported.table,
    invocation: exported.invocationId,
    index: exported.index,
    fingerprint: exported.fingerprint,
  };
}

export function formatManifest(manifest: Manifest): string {
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

/** Returns `undefined` if this version has not written the text. */
export function parseManifest(text: string | undefined): Manifest | undefined {
  if (text === undefined) return undefined;
  try {
    const manifest: Partial<Manifest> = JSON.parse(text);
    return isManifest(manifest) ? manifest : undefined;
  } catch {
    return undefined;
  }
}

function isManifest(manifest: Partial<Manifest>): manifest is Manifest {
  return (
    manifest.version === 1 &&
    typeof manifest.rows === 'number' &&
    typeof manifest.bytes === 'number' &&
    typeof manifest.sha256 === 'string' &&
    typeof manifest.fingerprint === 'string'
  );
}
