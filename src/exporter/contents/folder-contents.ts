/** Contents of artifacts in a folder of this machine. A file gets its name when it is whole. */
import { createReadStream } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ContentFile, ContentStore } from '../../artifacts/contents.ts';
import { systemDisk } from '../parquet/disk.ts';

/** Only the user of the server may look at them. */
const FOLDER_MODE = 0o700;
/** The first digits of a key are a folder, so that none has too many files. */
const FOLDER_DIGITS = 2;

export class FolderContents implements ContentStore {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** The file must be on the same file system. It is gone afterwards. */
  async put(key: string, { path }: ContentFile): Promise<void> {
    const target = this.#pathOf(key);
    await systemDisk.makeFolder(dirname(target), FOLDER_MODE);
    await systemDisk.sync(path);
    await systemDisk.rename(path, target);
    await systemDisk.sync(dirname(target));
  }

  async read(key: string): Promise<AsyncIterable<Uint8Array> | undefined> {
    const path = this.#pathOf(key);
    return (await systemDisk.size(path)) === undefined ? undefined : readLazily(path);
  }

  async remove(key: string): Promise<void> {
    await systemDisk.remove(this.#pathOf(key));
  }

  async close(): Promise<void> {}

  #pathOf(key: string): string {
    return join(this.#root, key.slice(0, FOLDER_DIGITS), key);
  }
}

/** The file is opened by the first read, so that a reader that never begins leaves nothing open. */
async function* readLazily(path: string): AsyncIterable<Uint8Array> {
  yield* createReadStream(path);
}
