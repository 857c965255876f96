/**
 * Google Cloud Storage. An upload that is never finished is visible to nobody, costs nothing and ends
 * by itself after a week.
 */
import type { ObjectInfo, ObjectStore, PutOutcome, PutRequest } from '../object-store.ts';
import { GcsApi, type GcsApiParts } from './gcs-api.ts';
import { explainGcs, isStatus } from './gcs-errors.ts';
import { GcsUpload } from './gcs-upload.ts';

export interface GcsStoreParts extends GcsApiParts {
  /** What is sent at once, a multiple of 256 KiB; 8 MiB unless given. */
  readonly chunkBytes?: number;
}

interface ObjectResource {
  readonly size: string;
  readonly generation: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly timeCreated?: string;
}

const DEFAULT_CHUNK_BYTES = 8 * 1024 * 1024;

export class GcsStore implements ObjectStore {
  readonly #parts: GcsStoreParts;
  readonly #api: GcsApi;

  constructor(parts: GcsStoreParts) {
    this.#parts = parts;
    this.#api = new GcsApi(parts);
  }

  location(key: string): string {
    return `gs://${this.#parts.bucket}/${key}`;
  }

  async stat(key: string): Promise<ObjectInfo | undefined> {
    return await this.#unlessMissing(key, async () => {
      const { text } = await this.#api.retried(() => this.#api.send(this.#api.objectUrl(key)));
      const { size, generation, metadata = {}, timeCreated }: ObjectResource = JSON.parse(text);
      return {
        bytes: Number(size),
        version: generation,
        metadata,
        writtenAt: timeCreated === undefined ? undefined : Date.parse(timeCreated),
      };
    });
  }

  async readText(key: string) {
    const info = await this.stat(key);
    if (!info) return undefined;
    return await this.#unlessMissing(key, async () => {
      const url = this.#contentUrl(key, info);
      const { text } = await this.#api.retried(() => this.#api.send(url));
      return { text, version: info.version };
    });
  }

  async read(key: string): Promise<AsyncIterable<Uint8Array> | undefined> {
    const info = await this.stat(key);
    if (!info) return undefined;
    return await this.#unlessMissing(key, () => this.#api.stream(this.#contentUrl(key, info)));
  }

  async put(request: PutRequest, signal?: AbortSignal): Promise<PutOutcome> {
    const { chunkBytes = DEFAULT_CHUNK_BYTES } = this.#parts;
    try {
      await new GcsUpload(this.#api, request, { chunkBytes, signal }).run();
      return 'written';
    } catch (error) {
      signal?.throwIfAborted();
      if (isStatus(error, 412)) return 'conflict';
      throw explainGcs(error, this.location(request.key));
    }
  }

  async remove(key: string): Promise<void> {
    const url = this.#api.objectUrl(key);
    await this.#unlessMissing(key, () =>
      this.#api.retried(() => this.#api.send(url, { method: 'DELETE' })),
    );
  }

  /** There is nothing to end: nobody can list uploads, and they hold nothing that is paid for. */
  async abandonUploads(): Promise<void> {}

  async close(): Promise<void> {}

  /** The content of one generation, whatever is written meanwhile. */
  #contentUrl(key: string, { version }: ObjectInfo): string {
    return this.#api.objectUrl(key, { alt: 'media', generation: version });
  }

  async #unlessMissing<T>(key: string, fn: () => Promise<T>): Promise<T | undefined> {
    try {
      return await fn();
    } catch (error) {
      // A missing bucket is not told from a missing object; the first write tells.
      if (isStatus(error, 404)) return undefined;
      throw explainGcs(error, this.location(key));
    }
  }
}
