/**
 * Google Cloud Storage. An upload that is never finished is visible to nobody, costs nothing and ends
 * by itself after a week.
 */
import type { Bucket, File } from '@google-cloud/storage';
import type { ObjectInfo, ObjectStore, PutOutcome, PutRequest } from '../object-store.ts';
import { explainGcs, isStatus } from './gcs-errors.ts';
import { GcsUpload, type GcsUploadParts } from './gcs-upload.ts';

export class GcsStore implements ObjectStore {
  readonly #bucket: Bucket;
  readonly #uploads: GcsUploadParts;

  /**
   * Uploads do not go through the client library. It reads a stream, which cannot be read again: so
   * it does not repeat the upload of a small file, and holds chunks of large ones several times.
   */
  constructor(bucket: Bucket, uploads: GcsUploadParts) {
    this.#bucket = bucket;
    this.#uploads = uploads;
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
      await new GcsUpload(this.#uploads, request, signal).run();
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

function textsOf(metadata: File['metadata']['metadata']): Readonly<Record<string, string>> {
  const entries = Object.entries(metadata ?? {});
  return Object.fromEntries(entries.map(([key, value]) => [key, String(value)]));
}
