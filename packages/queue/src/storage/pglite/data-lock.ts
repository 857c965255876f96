/**
 * Lets one process at a time use a data folder. Two would each cache pages of their own and corrupt the
 * data, and PGlite does not check. The lock is a file with the owner's process id and, if the system tells
 * it, the time when that process began, because ids are reused, above all after a reboot and in
 * containers. The lock of a process that has died is taken over.
 */
import { mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { CodedError, toError } from '../../foundations/errors.ts';
import { beganAt, startOf } from './process-start.ts';

/** Takes the lock, and returns a function that frees it. Throws `unavailable` if another process holds it. */
export async function lockDataFolder(folder: string): Promise<() => Promise<void>> {
  const file = `${resolve(folder)}.lock`;
  if (openFiles.has(file)) {
    throw new CodedError('unavailable', `${folder} is in use by this process`);
  }
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
    if (!(await create(file))) throw held(folder, file, 'another process');
  }
}

async function create(file: string): Promise<boolean> {
  try {
    const handle = await open(file, 'wx');
    try {
      await handle.writeFile(`${process.pid}\n${(await startOf(process.pid)) ?? ''}\n`);
    } finally {
      await handle.close();
    }
    return true;
  } catch (error) {
    if (hasSystemCode(error, 'EEXIST')) return false;
    throw error;
  }
}

async function removeIfStale(file: string, folder: string): Promise<void> {
  const [pid, start] = (await readFile(file, 'utf8').catch(() => '')).split('\n');
  const owner = { pid: Number(pid), start: start || undefined, file };
  if (owner.pid > 0 && (await isAlive(owner))) throw held(folder, file, `process ${owner.pid}`);
  await rm(file, { force: true });
}

interface Owner {
  readonly pid: number;
  /** The result of `startOf` for the owner. */
  readonly start: string | undefined;
  readonly file: string;
}

/**
 * A lock with our own id is left over, for example from the same container before it was restarted. It
 * cannot be held by this process, as `openFiles` knows what this process has open.
 */
async function isAlive({ pid, start, file }: Owner): Promise<boolean> {
  if (pid === process.pid || !exists(pid)) return false;
  const startNow = await startOf(pid);
  if (startNow === undefined) return true;
  return start === undefined ? !(await beganAfter(pid, file)) : start === startNow;
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return hasSystemCode(error, 'EPERM');
  }
}

/** A tolerance for clocks that are set: the process must have begun clearly after the file was written. */
const CLOCK_STEP_MS = 60_000;

async function beganAfter(pid: number, file: string): Promise<boolean> {
  const [began, { mtimeMs }] = await Promise.all([beganAt(pid), stat(file)]);
  return began !== undefined && began > mtimeMs + CLOCK_STEP_MS;
}

function hasSystemCode(error: unknown, code: string): boolean {
  return 'code' in toError(error) && (toError(error) as NodeJS.ErrnoException).code === code;
}

function held(folder: string, file: string, owner: string): CodedError {
  return new CodedError(
    'unavailable',
    `${folder} is in use by ${owner}, according to ${file}: stop that process, or remove that file if the process does not use this folder`,
  );
}
