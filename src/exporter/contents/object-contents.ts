/** Contents of artifacts in object storage. */
import type { ContentFile, ContentStore } from '../../artifacts/contents.ts';
import type { ObjectStore } from '../objects/object-store.ts';

export class ObjectContents implements ContentStore {
  readonly #store: ObjectStore;
  readonly #prefix: string;

  /** `prefix` is what all keys of the bucket begin with. */
  constructor(store: ObjectStore, prefix: string) {
    this.#store = store;
    this.#prefix = prefix === '' ? 'artifacts/' : `${prefix}/artifacts/`;
  }

  /** If the object is there, an earlier request of ours has written it: no other has the key. */
  async put(key: string, content: ContentFile, signal: AbortSignal): Promise<void> {
    const request = {
      key: this.#prefix + key,
      content,
      contentType: 'application/octet-stream',
      metadata: {},
      expected: 'absent',
    } as const;
    await this.#store.put(request, signal);
  }

  read(key: string): Promise<AsyncIterable<Uint8Array> | undefined> {
    return this.#store.read(this.#prefix + key);
  }

  /** An upload that has not been completed costs as much as an object. */
  async remove(key: string): Promise<void> {
    await this.#store.abandonUploads(this.#prefix + key);
    await this.#store.remove(this.#prefix + key);
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}
