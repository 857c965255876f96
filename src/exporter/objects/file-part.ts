/** Reads a file of this machine in parts. */
import { open } from 'node:fs/promises';

export interface FileContent {
  readonly path: string;
  readonly bytes: number;
}

export interface FileRange extends FileContent {
  readonly from?: number;
  /** Where to put the bytes; a new buffer unless given. */
  readonly buffer?: Buffer<ArrayBuffer>;
}

/** Throws if the file has fewer bytes. */
export async function readPart({
  path,
  bytes,
  from = 0,
  buffer,
}: FileRange): Promise<Buffer<ArrayBuffer>> {
  const target = (buffer ?? Buffer.allocUnsafeSlow(bytes)).subarray(0, bytes);
  const file = await open(path);
  try {
    let filled = 0;
    while (filled < bytes) {
      const { bytesRead } = await file.read(target, filled, bytes - filled, from + filled);
      if (bytesRead === 0) throw new Error(`${path} has become shorter`);
      filled += bytesRead;
    }
    return target;
  } finally {
    await file.close();
  }
}
