/**
 * One process at a time in a data folder: two would each keep pages of their own and ruin it, and
 * PGlite itself does not look. The lock is a file with the owner's process id; that of a process
 * which has died is taken over.
 */
import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { CodedError, toError } from '../../errors.ts';

/** Takes the lock; answers what frees it. Throws `unavailable` while another process holds it. */
export async function lockDataFolder(folder: string): Promise<() => Promise<void>> {
  const file = `${resolve(folder)}.lock`;
  if (openFiles.has(file)) throw held(folder, 'this process');
  openFiles.add(file);
  try {
    await lockFile(file, folder);
  } catch (error) {
    openFiles.delete(file);
    throw error;
  }
  return async () => {
    await rm(file, { force: true });
    openFiles.delete(file);
  };
}

const openFiles = new Set<string>();

async function lockFile(file: string, folder: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  if (!(await create(file))) {
    await removeIfStale(file, folder);
    if (!(await create(file))) throw held(folder, 'another process');
  }
}

async function create(file: string): Promise<boolean> {
  try {
    const handle = await open(file, 'wx');
    await handle.writeFile(String(process.pid));
    await handle.close();
    return true;
  } catch (error) {
    if (hasSystemCode(error, 'EEXIST')) return false;
    throw error;
  }
}

async function removeIfStale(file: string, folder: string): Promise<void> {
  const owner = Number(await readFile(file, 'utf8').catch(() => ''));
  if (owner > 0 && isAlive(owner)) throw held(folder, `process ${owner}`);
  await rm(file, { force: true });
}

/**
 * Our own id can only be a leftover: of the same container before it was restarted, say, since a
 * second opening within one process is known from `openFiles`.
 */
function isAlive(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return hasSystemCode(error, 'EPERM');
  }
}

function hasSystemCode(error: unknown, code: string): boolean {
  return 'code' in toError(error) && (toError(error) as NodeJS.ErrnoException).code === code;
}

function held(folder: string, owner: string): CodedError {
  return new CodedError('unavailable', `${folder} is in use by ${owner}`);
}
