/**
 * Folders of this machine in which exports are prepared, each for one attempt. They are below a
 * folder of the process, so that a later process can tell which of them belonged to one that died.
 */
import { mkdir, readdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { randomHex } from '@postlude/queue/foundations';

/** The folders of this process: each sink has one. */
const ownFolders = new Set<string>();

const FOLDER_PATTERN = /^(?<host>.+)~(?<pid>\d+)~[0-9a-f]+$/;

export class Spool {
  readonly #root: string;
  readonly #own: string;

  private constructor(root: string, own: string) {
    this.#root = root;
    this.#own = own;
    ownFolders.add(own);
  }

  /** Removes what dead processes of this machine have left below `root`. */
  static async open(root: string): Promise<Spool> {
    const spool = new Spool(root, `${hostname()}~${process.pid}~${randomHex(4)}`);
    await mkdir(root, { recursive: true, mode: 0o700 });
    for (const name of await readdir(root)) {
      if (isLeft(name)) await rm(join(root, name), { recursive: true, force: true });
    }
    return spool;
  }

  async makeFolder(): Promise<string> {
    const folder = join(this.#root, this.#own, randomHex(8));
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return folder;
  }

  async close(): Promise<void> {
    await rm(join(this.#root, this.#own), { recursive: true, force: true });
  }
}

/** Other machines can share the folder; their processes are not ours to judge. */
function isLeft(name: string): boolean {
  const { host, pid } = FOLDER_PATTERN.exec(name)?.groups ?? {};
  if (host !== hostname() || ownFolders.has(name)) return false;
  // In containers, the process before this one often had the same number.
  return Number(pid) === process.pid || !isAlive(Number(pid));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
