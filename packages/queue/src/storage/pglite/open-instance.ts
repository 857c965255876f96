/**
 * Opens PGlite in a folder, or throws an error with the reason why it could not. PGlite itself only reports
 * that it failed; the reason is in PostgreSQL's log, or is a bare number.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { PGlite, PGliteOptions } from '@electric-sql/pglite';
import { CodedError, toError } from '../../foundations/errors.ts';
import type { Log } from '../../foundations/log.ts';
import {
  isMissing,
  loadOptional,
  type OptionalPackage,
  versionIn,
} from '../../foundations/optional-package.ts';
import { diskFull, freeBytesOf } from './disk-room.ts';
import { makeFilesPrivate, makePrivate } from './private-folder.ts';
import { decodeRows, type Protocol } from './result-rows.ts';
import { systemTrouble } from './system-trouble.ts';

const NAME = '@electric-sql/pglite';
const PACKAGE: OptionalPackage = {
  name: NAME,
  for: 'the embedded database',
  version: versionIn(new URL('../../../package.json', import.meta.url), NAME),
};
const MB = 1024 * 1024;
/** The size of a log file in a folder that we create. PostgreSQL's 16 MB would be a third of the folder. */
const SEGMENT_MB = 1;
/** The space that a new folder needs. */
const NEW_FOLDER_BYTES = 40 * MB;
/** The space that a start needs in addition to a file of the log. */
const START_BYTES = 2 * MB;

export interface OpenedFolder {
  readonly instance: PGlite;
  /** The size of a file of its write-ahead log. */
  readonly segmentBytes: number;
}

/**
 * Throws `resource-exhausted`, `permission-denied` and so on by the system's reason, or else PGlite's
 * error.
 */
export async function openFolder(folder: string, log: Log): Promise<OpenedFolder> {
  const { PGlite } = await loadPglite();
  const said: string[] = [];
  try {
    await makePrivate(folder, log);
    const segmentBytes = segmentBytesOf(folder);
    requireRoomToStart(folder, segmentBytes);
    const options = { dataDir: folder, ...SETTINGS, onStderr: listener(said) };
    const instance = await PGlite.create(options);
    makeFilesPrivate(folder);
    decodeRows(instance, loadProtocol);
    return { instance, segmentBytes };
  } catch (thrown) {
    throw systemTrouble(resolve(folder), thrown, said) ?? withWords(thrown, said);
  }
}

export async function openInMemory(): Promise<PGlite> {
  const { PGlite } = await loadPglite();
  const instance = await PGlite.create(SETTINGS);
  decodeRows(instance, loadProtocol);
  return instance;
}

/** Returns the size with which the folder was created, or will be. */
function segmentBytesOf(folder: string): number {
  const wal = join(folder, 'pg_wal');
  const segment = existsSync(wal)
    ? readdirSync(wal).find((name) => /^[0-9A-F]{24}$/.test(name))
    : undefined;
  return segment === undefined ? SEGMENT_MB * MB : statSync(join(wal, segment)).size;
}

const SETTINGS: PGliteOptions = {
  initDbStartParams: [`--wal-segsize=${SEGMENT_MB}`],
};

function requireRoomToStart(folder: string, segmentBytes: number): void {
  const isNew = !existsSync(join(folder, 'PG_VERSION'));
  const needed = isNew ? NEW_FOLDER_BYTES : segmentBytes + START_BYTES;
  const free = freeBytesOf(folder);
  if (free < needed) throw diskFull(resolve(folder), free, needed);
}

/** Keeps PostgreSQL's last messages, and keeps them off the terminal. */
function listener(said: string[]): (line: string) => boolean {
  return (line) => {
    said.push(line);
    if (said.length > 20) said.shift();
    return true;
  };
}

function withWords(thrown: unknown, said: readonly string[]): Error {
  const error = toError(thrown);
  const words = said.flatMap((line) => /(?:FATAL|PANIC|DETAIL): +(.*)/.exec(line)?.[1] ?? []);
  if (error instanceof CodedError || words.length === 0) return error;
  return new Error(`${error.message}: ${words.join(' ')}`, { cause: error });
}

export async function loadProtocol(): Promise<Protocol> {
  return (await loadPglite()).protocol;
}

async function loadPglite() {
  return await loadOptional(PACKAGE, async () => {
    try {
      return await import('@electric-sql/pglite');
    } catch (cause) {
      throw isMissing(cause) ? cause : (systemTrouble(PACKAGE.name, cause) ?? cause);
    }
  });
}
