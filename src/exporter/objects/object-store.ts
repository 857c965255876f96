/**
 * What the sink needs of object storage: few operations, each of which can fail before or after it
 * took effect. An object appears whole or not at all, and a condition is checked by the service in
 * the same step as the object appears.
 */
import type { EpochMs } from '@postlude/queue/foundations';

export interface ObjectInfo {
  readonly bytes: number;
  /** Differs for each content of the object: an entity tag, or a generation. */
  readonly version: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** The time of the service when it wrote the object. */
  readonly writtenAt: EpochMs | undefined;
}

/** What must be there when the object appears: no object, or the one that was seen. */
export type Expected = 'absent' | Pick<ObjectInfo, 'version'>;

/** `conflict`: another object was there than expected, and nothing was written. */
export type PutOutcome = 'written' | 'conflict';

export interface PutRequest {
  readonly key: string;
  /** A file of this machine, or a short text. */
  readonly content: { readonly path: string; readonly bytes: number } | { readonly text: string };
  readonly contentType: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly expected: Expected;
}

export interface ObjectStore {
  /** Returns the URL of an object, such as `s3://bucket/key`. */
  location(key: string): string;

  /** Returns `undefined` if there is no such object. */
  stat(key: string): Promise<ObjectInfo | undefined>;

  /** Returns `undefined` if there is no such object. */
  readText(key: string): Promise<{ readonly text: string; readonly version: string } | undefined>;

  /** Returns `undefined` if there is no such object. */
  read(key: string): Promise<AsyncIterable<Uint8Array> | undefined>;

  /**
   * Memory does not grow with the content. After an error the object may have been written. Throws
   * the reason of `signal` if that aborts, once no request is running any more.
   */
  put(request: PutRequest, signal?: AbortSignal): Promise<PutOutcome>;

  /** Removes an object if it exists. */
  remove(key: string): Promise<void>;

  /** Ends all uploads to the key that have not been completed, of whatever process. */
  abandonUploads(key: string): Promise<void>;

  /** Ends connections, and requests that are running. */
  close(): Promise<void>;
}
