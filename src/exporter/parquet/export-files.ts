/**
 * The paths of an export's files:
 *
 *     {root}/{project}.{dataset}.{table}/{invocation}-{index}.parquet
 *     {root}/{project}.{dataset}.{table}/{invocation}-{index}.manifest.json
 *     {root}/{project}.{dataset}.{table}/.{invocation}-{index}.{attempt}.{part}   during the attempt
 *
 * The row of an invocation itself has `invocation` in place of an index.
 *
 * Names that users choose cannot lead out of the folder or clash: every character that is not a
 * letter, a digit, `_` or `-` is percent-encoded, including the dot.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { exportLabel } from '../export-index.ts';
import type { Export, ExportTable } from '../sink.ts';

/** The files that an attempt writes before any file has its final name. */
export type Part = 'rows' | 'more' | 'data' | 'manifest' | 'spill';

export interface ExportFiles {
  readonly folder: string;
  readonly data: string;
  readonly manifest: string;
  /** Returns the name of an attempt's part; the leading dot hides it from `*.parquet`. */
  readonly part: (attempt: number, part: Part) => string;
  /**
   * Returns the attempt that a file in the folder is a part of; `undefined` for all other files.
   */
  readonly attemptOf: (fileName: string) => number | undefined;
}

export type ExportName = Pick<Export, 'table' | 'invocationId' | 'index'>;

/** Most file systems allow 255 bytes, and the names of parts are longer than this. */
const MAX_NAME_LENGTH = 200;
const PART_PATTERN = /^(\d+)\.(rows|more|data|manifest|spill)$/;

export function exportFiles(root: string, { table, invocationId, index }: ExportName): ExportFiles {
  const { folder: name, stem } = exportNames({ table, invocationId, index });
  const folder = join(root, name);
  const prefix = `.${stem}.`;
  return {
    folder,
    data: join(folder, `${stem}.parquet`),
    manifest: join(folder, `${stem}.manifest.json`),
    part: (attempt, part) => join(folder, `${prefix}${attempt}.${part}`),
    attemptOf: (fileName) => {
      if (!fileName.startsWith(prefix)) return undefined;
      const attempt = PART_PATTERN.exec(fileName.slice(prefix.length))?.[1];
      return attempt === undefined ? undefined : Number(attempt);
    },
  };
}

/** The names of an export's folder and, without their endings, of its files. */
export function exportNames({ table, invocationId, index }: ExportName) {
  return { folder: folderName(table), stem: `${safeName(invocationId)}-${exportLabel(index)}` };
}

/** A file that only shows whether the folder can be written to. */
export function probeFile(root: string, random: string): string {
  return join(root, `.probe-${random}`);
}

function folderName({ project, dataset, table }: ExportTable): string {
  return shorten([project, dataset, table].map(escapeName).join('.'));
}

function safeName(text: string): string {
  return shorten(escapeName(text));
}

/** It never returns an empty text: three empty names would make `..`. */
function escapeName(text: string): string {
  if (text === '') return '%';
  return encodeURIComponent(text.toWellFormed()).replace(
    /[^A-Za-z0-9_%-]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Different names stay different, since a hash of the whole name replaces the end. */
function shorten(name: string): string {
  if (name.length <= MAX_NAME_LENGTH) return name;
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 32);
  return `${name.slice(0, MAX_NAME_LENGTH - digest.length - 1)}~${digest}`;
}
