/**
 * Requests to the JSON API of Google Cloud Storage. They are sent again after a failure that may pass,
 * which is harmless, as writes have conditions. Not by the client library @google-cloud/storage: if a
 * connection is lost while it reads, a promise inside it is rejected that nobody handles, which ends
 * the process; and its uploads read streams, which cannot be sent again.
 */
import type { Clock } from '@postlude/queue/foundations';
import { type Random, retry, systemRandom } from '@postlude/queue/foundations';
import { GcsError, isTransient } from './gcs-errors.ts';

export interface GcsApiParts {
  /** The origin of the API: `https://storage.googleapis.com`. */
  readonly endpoint: string;
  readonly bucket: string;
  /** Returns the headers that authorize a request. */
  readonly authorize: () => Promise<Readonly<Record<string, string>>>;
  readonly clock: Clock;
  readonly random?: Random;
}

/** A response that has been read. 308 is not a failure: it asks for the next chunk. */
export interface GcsResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

const BACKOFF = { initialMs: 200, maxMs: 10_000 };
const ATTEMPTS = 5;
/** A silent service must not hold an export for ever; a chunk takes seconds. */
const REQUEST_MS = 300_000;

export class GcsApi {
  readonly #parts: GcsApiParts;

  constructor(parts: GcsApiParts) {
    this.#parts = parts;
  }

  /** Returns the URL of an object's metadata, or of its content with `alt=media`. */
  objectUrl(key: string, query: Readonly<Record<string, string>> = {}): string {
    const path = `storage/v1/b/${this.#bucket()}/o/${encodeURIComponent(key)}`;
    return this.#url(path, query);
  }

  /** Returns the URL at which uploads begin. */
  uploadUrl(query: Readonly<Record<string, string>>): string {
    return this.#url(`upload/storage/v1/b/${this.#bucket()}/o`, query);
  }

  /** Sends a request once. Throws `GcsError` with the status if the service refuses it. */
  async send(url: string, init: RequestInit = {}): Promise<GcsResponse> {
    const response = await this.#fetch(url, init);
    return { status: response.status, headers: response.headers, text: await response.text() };
  }

  /** Sends a request whose response is as long as it likes. */
  async stream(url: string): Promise<AsyncIterable<Uint8Array>> {
    const { body } = await this.retried(() => this.#fetch(url, {}));
    if (!body) throw new Error('the service has sent no content');
    return body;
  }

  /** Calls `fn` until it succeeds, if its errors may pass. */
  retried<T>(fn: (attempt: number) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const { clock, random = systemRandom } = this.#parts;
    const policy = { backoff: BACKOFF, maxAttempts: ATTEMPTS, isRetryable: isTransient };
    return retry({ ...policy, ...(signal ? { signal } : {}), clock, random }, fn);
  }

  async #fetch(url: string, { headers, signal, ...init }: RequestInit): Promise<Response> {
    const timeout = AbortSignal.timeout(REQUEST_MS);
    const response = await fetch(url, {
      ...init,
      headers: { ...(await this.#parts.authorize()), ...headers },
      signal: signal ? AbortSignal.any([timeout, signal]) : timeout,
      redirect: 'manual',
    });
    if (response.ok || response.status === 308) return response;
    const message = messageOf(await response.text());
    throw new GcsError(response.status, message ?? `the status is ${response.status}`);
  }

  #bucket(): string {
    return encodeURIComponent(this.#parts.bucket);
  }

  #url(path: string, query: Readonly<Record<string, string>>): string {
    const search = new URLSearchParams(query).toString();
    return `${this.#parts.endpoint}/${path}${search === '' ? '' : `?${search}`}`;
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
