/**
 * The contents of artifacts that are too long for a row. They are kept outside of the database, each under
 * a key that is never used again, and are there as a whole or not at all.
 */

/** A file of this machine. */
export interface ContentFile {
  readonly path: string;
  readonly bytes: number;
}

/** A place for contents: a folder, or a bucket. */
export interface ContentStore {
  /** Memory does not grow with the content. After an error, the content may be there. */
  put(key: string, file: ContentFile, signal: AbortSignal): Promise<void>;

  /** Returns `undefined` if there is no such content. */
  read(key: string): Promise<AsyncIterable<Uint8Array> | undefined>;

  /** Removes a content if it exists. */
  remove(key: string): Promise<void>;

  close(): Promise<void>;
}

/** All places that contents are kept in. A key names its place, so places may change. */
export interface Contents extends ContentStore {
  /** Returns a key at the place that new contents go to. */
  newKey(): string;

  /** Calls `fn` with a folder of this machine, which is removed afterwards. */
  withFolder<T>(fn: (folder: string) => Promise<T>): Promise<T>;
}
