/**
 * Keeps a data folder private to the user who runs the process. It holds secrets, such as those that sign
 * tokens, and PGlite creates it readable, and its files writable, for everybody, whatever the umask.
 */
import { chmodSync, lstatSync, readdirSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Log } from '../../foundations/log.ts';

const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;
const OF_OTHERS = 0o077;
/** Windows has no such modes. */
const HAS_MODES = process.platform !== 'win32';

type Chmod = (path: string, mode: number) => void;

/**
 * Creates the folder, or closes an existing one to other users with a warning. If the system does not allow
 * that, the warning says so, and the folder is used nevertheless: on a volume, it may belong to someone
 * else and be closed by other means.
 */
export async function makePrivate(
  folder: string,
  log: Pick<Log, 'warn'>,
  chmod: Chmod = chmodSync,
): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  const isNew = (await mkdir(folder, { recursive: true, mode: FOLDER_MODE })) !== undefined;
  const before = modeOf(folder);
  if (isNew || !HAS_MODES || (before & OF_OTHERS) === 0) return;
  const reason = close(folder, FOLDER_MODE, chmod);
  const facts = { folder, mode: before.toString(8) };
  if (reason === undefined) log.warn('other users could read the data folder until now', facts);
  else log.warn('other users may be able to read the data folder', { ...facts, reason });
}

/** Closes what is in the folder to other users. It is silent: nobody else could open the folder. */
export function makeFilesPrivate(folder: string, chmod: Chmod = chmodSync): void {
  if (!HAS_MODES) return;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const mode = entry.isDirectory() ? FOLDER_MODE : entry.isFile() ? FILE_MODE : undefined;
    const path = join(entry.parentPath, entry.name);
    if (mode !== undefined && (modeOf(path) & OF_OTHERS) !== 0) close(path, mode, chmod);
  }
}

/** Returns why the path is still open, if it is. Some file systems ignore modes without an error. */
function close(path: string, mode: number, chmod: Chmod): string | undefined {
  try {
    chmod(path, mode);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return (modeOf(path) & OF_OTHERS) === 0 ? undefined : 'the file system keeps no modes';
}

/** A path that has disappeared meanwhile is open to nobody. */
function modeOf(path: string): number {
  return (lstatSync(path, { throwIfNoEntry: false })?.mode ?? 0) & 0o777;
}
