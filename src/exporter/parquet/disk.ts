/** The steps that the sink takes on the file system: they are few, and each can fail in a test. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';

export interface Digest {
  readonly bytes: number;
  /** The digest in hex. */
  readonly sha256: string;
}

export interface DiskFile {
  write(text: string): Promise<void>;
  close(): Promise<void>;
}

export interface Disk {
  /** Also makes the folders above it. The mode is that of new folders. */
  makeFolder(path: string, mode?: number): Promise<void>;
  /** Returns the names in a folder. */
  list(folder: string): Promise<string[]>;
  /** Fails if the file exists. */
  create(path: string): Promise<DiskFile>;
  /** Returns `undefined` if there is no such file. */
  readText(path: string): Promise<string | undefined>;
  /** Returns the size in bytes; `undefined` if there is no such file. */
  size(path: string): Promise<number | undefined>;
  /** Returns `undefined` if there is no such file. */
  digest(path: string): Promise<Digest | undefined>;
  /** Waits until the content of a file, or the names in a folder, are on the disk itself. */
  sync(path: string): Promise<void>;
  /** Renames in one step, and replaces a file that has the new name. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file, or a folder with its contents, if it exists. */
  remove(path: string): Promise<void>;
}

export const systemDisk: Disk = {
  makeFolder: async (path, mode) => void (await mkdir(path, { recursive: true, mode })),
  list: (folder) => readdir(folder),
  create: createFile,
  readText: (path) => readFile(path, 'utf8').catch(undefinedIfMissing),
  size: (path) => stat(path).then(({ size }) => size, undefinedIfMissing),
  digest: (path) => digestFile(path).catch(undefinedIfMissing),
  sync: syncPath,
  rename,
  remove: (path) => rm(path, { recursive: true, force: true }),
};

async function createFile(path: string): Promise<DiskFile> {
  const handle = await open(path, 'wx');
  return {
    write: (text) => handle.writeFile(text),
    close: () => handle.close(),
  };
}

function digestFile(path: string): Promise<Digest> {
  return digestOf(createReadStream(path));
}

export async function digestOf(content: AsyncIterable<Uint8Array>): Promise<Digest> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of content) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: hash.digest('hex') };
}

async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } catch (error) {
    // Windows can sync neither a folder nor a file open for reading only; NTFS journals names.
    if (process.platform !== 'win32') throw error;
  } finally {
    await handle.close();
  }
}

/** A path is also missing if a file is in the place of one of its folders. */
function undefinedIfMissing(error: unknown): undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
  throw error;
}
