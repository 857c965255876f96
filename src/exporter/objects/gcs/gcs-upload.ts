/**
 * A resumable upload to Google Cloud Storage. Chunks are read from the file when their turn comes;
 * after a failure, the service is asked how far it has got. The object appears with the last chunk,
 * under the condition of the upload, and if its checksum is right.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readPart } from '../file-part.ts';
import type { PutRequest } from '../object-store.ts';
import type { GcsApi } from './gcs-api.ts';

export interface GcsUploadOptions {
  readonly chunkBytes: number;
  readonly signal: AbortSignal | undefined;
}

export class GcsUpload {
  readonly #api: GcsApi;
  readonly #request: PutRequest;
  readonly #chunkBytes: number;
  readonly #signal: AbortSignal | undefined;
  readonly #bytes: number;

  constructor(api: GcsApi, request: PutRequest, { chunkBytes, signal }: GcsUploadOptions) {
    this.#api = api;
    this.#request = request;
    this.#chunkBytes = chunkBytes;
    this.#signal = signal;
    const { content } = request;
    this.#bytes = 'text' in content ? Buffer.byteLength(content.text) : content.bytes;
  }

  /** Throws `GcsError` with the status of the service. If it fails, it has ended its session. */
  async run(): Promise<void> {
    const md5Hash = await this.#checksum();
    const session = await this.#api.retried(() => this.#start(md5Hash), this.#signal);
    try {
      let sent: number | 'all' = 0;
      while (sent !== 'all') {
        const from: number = sent;
        // What became of a chunk that failed is not known, so the service is asked.
        sent = await this.#api.retried(
          (attempt) => (attempt === 1 ? this.#sendChunk(session, from) : this.#resume(session)),
          this.#signal,
        );
      }
    } catch (error) {
      // The service ends a session by itself, too, after a week. It responds with 499.
      await this.#api.send(session, { method: 'DELETE' }).catch(() => undefined);
      throw error;
    }
  }

  /** Returns the URL of the session. */
  async #start(md5Hash: string): Promise<string> {
    const { key, contentType, metadata, expected } = this.#request;
    const url = this.#api.uploadUrl({
      uploadType: 'resumable',
      name: key,
      // 0 is the generation of an object that does not exist.
      ifGenerationMatch: expected === 'absent' ? '0' : expected.version,
    });
    const { headers } = await this.#send(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-upload-content-type': contentType },
      body: JSON.stringify({ name: key, contentType, metadata, md5Hash }),
    });
    const session = headers.get('location');
    if (session === null) throw new Error('the service has begun an upload without a URL');
    return session;
  }

  /** Returns how many bytes the service has, or that it has all of them. */
  async #sendChunk(session: string, from: number): Promise<number | 'all'> {
    const to = Math.min(this.#bytes, from + this.#chunkBytes);
    const body = await this.#read(from, to);
    return await this.#put(session, `bytes ${from}-${to - 1}/${this.#bytes}`, { body });
  }

  async #resume(session: string): Promise<number | 'all'> {
    return await this.#put(session, `bytes */${this.#bytes}`, {});
  }

  async #put(session: string, range: string, init: RequestInit): Promise<number | 'all'> {
    const headers = { 'content-range': range };
    const response = await this.#send(session, { ...init, method: 'PUT', headers });
    if (response.status !== 308) return 'all';
    const last = /-(\d+)$/.exec(response.headers.get('range') ?? '')?.[1];
    return last === undefined ? 0 : Number(last) + 1;
  }

  #send(url: string, init: RequestInit) {
    return this.#api.send(url, { ...init, ...(this.#signal ? { signal: this.#signal } : {}) });
  }

  async #read(from: number, to: number): Promise<Uint8Array<ArrayBuffer>> {
    const { content } = this.#request;
    if ('text' in content) return Buffer.from(content.text).subarray(from, to);
    return await readPart({ path: content.path, from, bytes: to - from });
  }

  /** The service compares it before the object appears. */
  async #checksum(): Promise<string> {
    const { content } = this.#request;
    const hash = createHash('md5');
    if ('text' in content) return hash.update(content.text).digest('base64');
    for await (const chunk of createReadStream(content.path)) hash.update(chunk);
    return hash.digest('base64');
  }
}
