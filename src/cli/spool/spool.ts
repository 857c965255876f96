/**
 * The folder of recordings that wait for their server. An entry is complete as soon as it has its name.
 * Two processes may send one entry at once without harm (flush.ts says why); locks only save the work.
 */
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { CLIENT_VARIABLES } from '../../server/config/client-variables.ts';
import type { CliContext } from '../context.ts';
import type { RecordingPlan } from '../recording/recording.ts';
import { type SpoolHeader, SpoolWriter } from './spool-entry.ts';

const DEFAULT_FOLDER = '.postlude/spool';
const REFUSED = 'refused';
const SUFFIX = '.jsonl';
/** Longer than an upload takes. Machines that share a folder cannot see each other's processes. */
const LOCK_LASTS_MS = 10 * 60_000;

export class Spool {
  readonly folder: string;
  readonly #clock: CliContext['clock'];

  constructor({ clock, cwd, env }: CliContext, option: string | undefined) {
    this.folder = resolve(cwd, option ?? env[CLIENT_VARIABLES.spool] ?? DEFAULT_FOLDER);
    this.#clock = clock;
  }

  /** Returns the paths of the entries that wait, the oldest first. */
  waiting(): Promise<string[]> {
    return entriesOf(this.folder);
  }

  /** Returns the paths of the entries that a server has refused for good. */
  refused(): Promise<string[]> {
    return entriesOf(join(this.folder, REFUSED));
  }

  /** Opens a new entry, which appears when its writer commits. */
  async write(server: string, plan: RecordingPlan): Promise<SpoolWriter> {
    await mkdir(dirname(this.folder), { recursive: true });
    await mkdir(this.folder, { recursive: true, mode: 0o700 }); // Recordings hold what tests wrote.
    const now = this.#clock.now();
    const header: Omit<SpoolHeader, 'open'> = { server, recordedAt: new Date(now).toISOString() };
    const path = join(this.folder, `${Math.trunc(now)}-${plan.recorder}${SUFFIX}`);
    return await SpoolWriter.open(path, header, plan);
  }

  /** Runs `fn` under the entry's lock. Returns `undefined` if another process holds it. */
  async locked<T>(path: string, fn: () => Promise<T>): Promise<T | undefined> {
    const lock = `${path}.lock`;
    if (!(await this.#take(lock))) return undefined;
    try {
      return await fn();
    } finally {
      await rm(lock, { force: true });
    }
  }

  /** Moves an entry to the refused ones, and returns its new path. */
  async refuse(path: string): Promise<string> {
    const folder = join(this.folder, REFUSED);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const aside = join(folder, basename(path));
    await rename(path, aside);
    return aside;
  }

  async #take(lock: string): Promise<boolean> {
    if (await createLock(lock)) return true;
    if (await this.#isHeld(lock)) return false;
    await rm(lock, { force: true });
    return await createLock(lock);
  }

  /** False if the lock's process is gone, or the lock is so old that the process most likely is. */
  async #isHeld(lock: string): Promise<boolean> {
    const [found, text] = await Promise.all([
      stat(lock).catch(() => undefined),
      readFile(lock, 'utf8').catch(() => ''),
    ]);
    if (found === undefined || this.#clock.now() - found.mtimeMs > LOCK_LASTS_MS) return false;
    const [host, pid] = text.split(' ');
    return host !== hostname() || isAlive(Number(pid));
  }
}

async function entriesOf(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const entries = names.filter((name) => name.endsWith(SUFFIX)).sort();
  return entries.map((name) => join(folder, name));
}

async function createLock(lock: string): Promise<boolean> {
  try {
    const file = await open(lock, 'wx');
    await file.writeFile(`${hostname()} ${process.pid}`);
    await file.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return true; // it is just being written
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
