/**
 * The artifacts of a workflow run, which its attempts share: actions/upload-artifact@v4 and
 * actions/download-artifact@v4, as far as recipes use them. https://github.com/actions/upload-artifact
 */
import { cp, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { unknown } from '../refuse.ts';
import type { Variables } from '../world.ts';

const UPLOAD = ['name', 'path', 'include-hidden-files', 'if-no-files-found', 'overwrite'];
const DOWNLOAD = ['pattern', 'path', 'merge-multiple'];

export class Artifacts {
  readonly #folder: string;
  readonly #names = new Set<string>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  get names(): readonly string[] {
    return [...this.#names];
  }

  folderOf(name: string): string {
    return join(this.#folder, name);
  }

  /** Returns whether the step succeeds. */
  async upload(cwd: string, given: Variables): Promise<boolean> {
    const { name = 'artifact', path = '' } = checked(given, UPLOAD);
    const isHidden = path.split('/').some((part) => part.startsWith('.'));
    const takesHidden = given['include-hidden-files'] === 'true';
    const found = isHidden && !takesHidden ? [] : await filesIn(join(cwd, path));
    if (found.length === 0) return given['if-no-files-found'] !== 'error';
    if (this.#names.has(name) && given.overwrite !== 'true') return false;
    this.#names.add(name);
    await cp(join(cwd, path), join(this.#folder, name), { recursive: true, force: true });
    return true;
  }

  async download(cwd: string, given: Variables): Promise<boolean> {
    const { path = '', pattern = '' } = checked(given, DOWNLOAD);
    if (!/^[\w-]+\*$/.test(pattern) || given['merge-multiple'] !== 'true') unknown(pattern);
    for (const name of this.#names) {
      if (!name.startsWith(pattern.slice(0, -1))) continue;
      await mkdir(join(cwd, path), { recursive: true });
      await cp(join(this.#folder, name), join(cwd, path), { recursive: true });
    }
    return true;
  }
}

function checked(given: Variables, keys: readonly string[]): Variables {
  for (const key of Object.keys(given)) if (!keys.includes(key)) unknown(`the input ${key}`);
  return given;
}

function filesIn(path: string): Promise<string[]> {
  return readdir(path).catch(() => []);
}
