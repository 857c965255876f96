/**
 * A resumable upload to Google Cloud Storage. Chunks are read from the file when their turn comes;
 * after a failure, the service is asked how far it has got. The object appears with the last chunk,
 * under the condition of the upload.
 */
import type { Clock } from '../../../clock.ts';
import { type Random, systemRandom } from '../../../random.ts';
import { retry } from '../../../retry.ts';
import { readPart } from '../file-part.ts';
import type { PutRequest } from '../object-store.ts';
import { GcsError, isTransient } from './gcs-errors.ts';

export interface GcsUploadParts {
  /** The origin of the API: `https://storage.googleapis.com`. */
  readonly endpoint: string;
  readonly bucket: string;
  /** Returns the headers that authorize a request. */
  readonly authorize: () => Promise<Readonly<Record<string, string>>>;
  /** Returns the CRC32C of a file, in base64. */
  readonly checksumOf: (path: string) => Promise<string>;
  readonly clock: Clock;
  readonly random?: Random;
  /** The size of a chunk, a multiple of 256 KiB; 8 MiB unless given. */
  readonly chunkBytes?: number;
}

const DEFAULT_CHUNK_BYTES = 8 * 1024 * 1024;
const BACKOFF = { initialMs: 200, maxMs: 10_000 };
const ATTEMPTS = 5;
/** A silent service must not hold an export for ever; a chunk takes seconds. */
const REQUEST_MS = 300_000;

export class GcsUpload {
  readonly #parts: GcsUploadParts;
  readonly #request: PutRequest;
  readonly #signal: AbortSignal | undefined;
  readonly #bytes: number;

  constructor(parts: GcsUploadParts, request: PutRequest, signal: AbortSignal | undefined) {
    this.#parts = parts;
    this.#request = request;
    this.#signal = signal;
    const { content } = request;
    this.#bytes = 'text' in content ? Buffer.byteLength(content.text) : content.bytes;
  }

  /** Throws `GcsError` with the status of the service. If it fails, it has ended its session. */
  async run(): Promise<void> {
    const session = await this.#retried(() => this.#start());
    try {
      let sent: number | 'all' = 0;
      while (sent !== 'all') {
        const from: number = sent;
        // What became of a chunk that failed is not known, so the service is asked.
        sent = await this.#retried((attempt) =>
          attempt === 1 ? this.#sendChunk(session, from) : this.#resume(session),
        );
      }
    } catch (error) {
      const { authorize } = this.#parts;
      // The service ends a session by itself, too, after a week.
      await fetch(session, { method: 'DELETE', headers: await authorize() }).catch(() => undefined);
      throw error;
    }
  }

  /** Returns the URL of the session. */
  async #start(): Promise<string> {
    const { endpoint, bucket, checksumOf } = this.#parts;
    const { key, content, contentType, metadata, expected } = this.#request;
    const checksum = 'path' in content ? { crc32c: await checksumOf(content.path) } : {};
    const query = new URLSearchParams({
      uploadType: 'resumable',
      name: key,
      // 0 is the generation of an object that does not exist.
      ifGenerationMatch: expected === 'absent' ? '0' : expected.version,
    });
    const response = await this.#send(
      `${endpoint}/upload/storage/v1/b/${encodeURIComponent(bucket)}/o?${query}`,
      {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-upload-content-type': contentType },
        body: JSON.stringify({ name: key, contentType, metadata, ...checksum }),
      },
    );
    const session = response.headers.get('location');
    if (session === null) throw new Error('the service has begun an upload without a URL');
    return session;
  }

  /** Returns how many bytes the service has, or that it has all of them. */
  async #sendChunk(session: string, from: number): Promise<number | 'all'> {
    const { chunkBytes = DEFAULT_CHUNK_BYTES } = this.#parts;
    const to = Math.min(this.#bytes, from + chunkBytes);
    return await this.#put(session, `bytes ${from}-${to - 1}/${this.#bytes}`, {
      body: await this.#read(from, to),
    });
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

  async #read(from: number, to: number): Promise<Uint8Array<ArrayBuffer>> {
    const { content } = this.#request;
    if ('text' in content) return Buffer.from(content.text).subarray(from, to);
    return await readPart({ path: content.path, from, bytes: to - from });
  }

  async #send(url: string, init: RequestInit): Promise<Response> {
    const timeout = AbortSignal.timeout(REQUEST_MS);
    const signal = this.#signal ? AbortSignal.any([timeout, this.#signal]) : timeout;
    const headers = { ...(await this.#parts.authorize()), ...init.headers };
    const response = await fetch(url, { ...init, headers, signal, redirect: 'manual' });
    const text = await response.text();
    if (response.ok || response.status === 308) return response;
    throw new GcsError(response.status, messageOf(text) ?? `the status is ${response.status}`);
  }

  #retried<T>(fn: (attempt: number) => Promise<T>): Promise<T> {
    const { clock, random = systemRandom } = this.#parts;
    const policy = { backoff: BACKOFF, maxAttempts: ATTEMPTS, isRetryable: isTransient };
    const signal = this.#signal ? { signal: this.#signal } : {};
    return retry({ ...policy, ...signal, clock, random }, fn);
  }
}

/** Errors are JSON with a message, except for those of proxies in between. */
function messageOf(text: string): string | undefined {
  try {
    const { error } = JSON.parse(text) as { readonly error?: { readonly message?: unknown } };
    return typeof error?.message === 'string' ? error.message : undefined;
  } catch {
    return undefined;
  }
}
