/**
 * The folder of recordings that wait for their server. An entry has its whole name or is not there.
 * That two processes send one entry at once does no harm (flush.ts says why); locks only spare the work.
 */
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { CLIENT_VARIABLES } from '../../server/config/client-variables.ts';
import type { CliContext } from '../context.ts';
import type { RecordingPlan } from '../recording/recording.ts';
import { type SpoolHeader, SpoolWriter } from './spool-entry.ts';

const DEFAULT_FOLDER = '.postlude/spool';
const REFUSED = 'refused';
const SUFFIX = '.jsonl';
/** Longer than an upload takes; machines that share a folder cannot see each other's processes. */
const LOCK_LASTS_MS = 10 * 60_000;

export class Spool {
  readonly folder: string;
  readonly #clock: CliContext['clock'];

  constructor({ clock, cwd, env }: CliContext, option: string | undefined) {
    this.folder = resolve(cwd, option ?? env[CLIENT_VARIABLES.spool] ?? DEFAULT_FOLDER);
    this.#clock = clock;
  }

  /** Paths of what waits, the oldest first. */
  waiting(): Promise<string[]> {
    return entriesOf(this.folder);
  }

  /** Paths of what a server has refused for good. */
  refused(): Promise<string[]> {
    return entriesOf(join(this.folder, REFUSED));
  }

  /** The entry is there once its writer has committed. */
  async write(server: string, plan: RecordingPlan): Promise<SpoolWriter> {
    await mkdir(this.folder, { recursive: true });
    const now = this.#clock.now();
    const header: Omit<SpoolHeader, 'open'> = { server, recordedAt: new Date(now).toISOString() };
    const path = join(this.folder, `${Math.trunc(now)}-${plan.recorder}${SUFFIX}`);
    return await SpoolWriter.open(path, header, plan);
  }

  /** Runs `fn` unless another process does that for the entry; then answers `undefined`. */
  async locked<T>(path: string, fn: () => Promise<T>): Promise<T | undefined> {
    const lock = `${path}.lock`;
    if (!(await this.#take(lock))) return undefined;
    try {
      return await fn();
    } finally {
      await rm(lock, { force: true });
    }
  }

  /** Puts it aside; answers where it is. */
  async refuse(path: string): Promise<string> {
    const folder = join(this.folder, REFUSED);
    await mkdir(folder, { recursive: true });
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

  /** Not where its process has gone, or has had it for so long that it has, most likely. */
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
