/**
 * Google Cloud Storage. A file is uploaded in a resumable session, in chunks, and the object appears
 * with the last of them. A session that is never finished is visible to nobody, costs nothing and
 * ends by itself after a week.
 */
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Bucket, File } from '@google-cloud/storage';
import type { Expected, ObjectInfo, ObjectStore, PutOutcome, PutRequest } from '../object-store.ts';
import { explainGcs, isStatus } from './gcs-errors.ts';

export interface GcsStoreOptions {
  /** Returns the CRC32C of a file, in base64. */
  readonly checksumOf: (path: string) => Promise<string>;
  /**
   * A file of at most this size is sent by one request; also what is kept to send a chunk again. A
   * multiple of 256 KiB; 8 MiB unless given.
   */
  readonly chunkBytes?: number;
}

const DEFAULT_CHUNK_BYTES = 8 * 1024 * 1024;

export class GcsStore implements ObjectStore {
  readonly #bucket: Bucket;
  readonly #checksumOf: GcsStoreOptions['checksumOf'];
  readonly #chunkBytes: number;

  constructor(bucket: Bucket, { checksumOf, chunkBytes = DEFAULT_CHUNK_BYTES }: GcsStoreOptions) {
    this.#bucket = bucket;
    this.#checksumOf = checksumOf;
    this.#chunkBytes = chunkBytes;
  }

  location(key: string): string {
    return `gs://${this.#bucket.name}/${key}`;
  }

  async stat(key: string): Promise<ObjectInfo | undefined> {
    return await this.#unlessMissing(key, async () => {
      const [found] = await this.#file(key).getMetadata();
      return {
        bytes: Number(found.size),
        version: String(found.generation),
        metadata: textsOf(found.metadata),
        writtenAt: found.timeCreated === undefined ? undefined : Date.parse(found.timeCreated),
      };
    });
  }

  async readText(key: string) {
    const info = await this.stat(key);
    if (!info) return undefined;
    return await this.#unlessMissing(key, async () => {
      const file = this.#bucket.file(key, { generation: info.version });
      const [content] = await file.download({ validation: false });
      return { text: content.toString('utf8'), version: info.version };
    });
  }

  async read(key: string): Promise<AsyncIterable<Uint8Array> | undefined> {
    const info = await this.stat(key);
    return info && this.#bucket.file(key, { generation: info.version }).createReadStream();
  }

  async put(request: PutRequest, signal?: AbortSignal): Promise<PutOutcome> {
    const { key, expected } = request;
    try {
      await this.#upload(request, signal);
      return 'written';
    } catch (error) {
      signal?.throwIfAborted();
      // An object that was to be replaced and is gone fails the condition, too.
      if (isStatus(error, 412)) return 'conflict';
      const isGone = expected !== 'absent' && isStatus(error, 404);
      if (isGone) return 'conflict';
      throw explainGcs(error, this.location(key));
    }
  }

  async remove(key: string): Promise<void> {
    await this.#explained(key, () => this.#file(key).delete({ ignoreNotFound: true }));
  }

  /** There is nothing to end: nobody can list sessions, and they hold nothing that is paid for. */
  async abandonUploads(): Promise<void> {}

  async close(): Promise<void> {}

  async #upload(request: PutRequest, signal: AbortSignal | undefined): Promise<void> {
    const { key, content, contentType, metadata, expected } = request;
    const isLarge = 'path' in content && content.bytes > this.#chunkBytes;
    const checksum = 'path' in content ? { crc32c: await this.#checksumOf(content.path) } : {};
    const target = this.#file(key).createWriteStream({
      resumable: isLarge,
      ...(isLarge ? { chunkSize: this.#chunkBytes } : {}),
      // The service compares the checksum before the object appears, the client only after that.
      validation: false,
      metadata: { contentType, metadata: { ...metadata }, ...checksum },
      preconditionOpts: { ifGenerationMatch: generationOf(expected) },
    });
    const source =
      'path' in content
        ? createReadStream(content.path)
        : Readable.from([Buffer.from(content.text)]);
    await pipeline(source, target, signal ? { signal } : {});
  }

  #file(key: string): File {
    return this.#bucket.file(key);
  }

  async #unlessMissing<T>(key: string, fn: () => Promise<T>): Promise<T | undefined> {
    return await this.#explained(key, () =>
      fn().catch((error: unknown) => {
        if (isStatus(error, 404)) return undefined;
        throw error;
      }),
    );
  }

  async #explained<T>(key: string, fn: () => Promise<T>): Promise<T> {
    try {
      return await fn();
    } catch (error) {
      throw explainGcs(error, this.location(key));
    }
  }
}

/** 0 is the generation of an object that does not exist. */
function generationOf(expected: Expected): number | string {
  return expected === 'absent' ? 0 : expected.version;
}

function textsOf(metadata: File['metadata']['metadata']): Readonly<Record<string, string>> {
  const entries = Object.entries(metadata ?? {});
  return Object.fromEntries(entries.map(([key, value]) => [key, String(value)]));
}
