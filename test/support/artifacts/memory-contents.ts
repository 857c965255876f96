/** Contents of artifacts in memory, which fail or die where a test says so. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContentFile, Contents } from '../../../src/artifacts/contents.ts';

export class MemoryContents implements Contents {
  readonly stored = new Map<string, Uint8Array>();
  /** Is called before and after each change of a content. */
  onStep: (step: string) => void | Promise<void> = () => undefined;
  #keys = 0;

  newKey(): string {
    this.#keys += 1;
    return `:${this.#keys.toString(16).padStart(32, '0')}`;
  }

  async withFolder<T>(fn: (folder: string) => Promise<T>): Promise<T> {
    const folder = await mkdtemp(join(tmpdir(), 'postlude-'));
    try {
      return await fn(folder);
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  async put(key: string, { path }: ContentFile): Promise<void> {
    await this.onStep('before put');
    this.stored.set(key, await readFile(path));
    await this.onStep('after put');
  }

  async read(key: string): Promise<AsyncIterable<Uint8Array> | undefined> {
    const content = this.stored.get(key);
    return content && inChunks(content);
  }

  async remove(key: string): Promise<void> {
    await this.onStep('before remove');
    this.stored.delete(key);
    await this.onStep('after remove');
  }

  async close(): Promise<void> {}
}

async function* inChunks(content: Uint8Array): AsyncIterable<Uint8Array> {
  for (let at = 0; at < content.length; at += 10_000) yield content.subarray(at, at + 10_000);
}
