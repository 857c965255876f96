/**
 * The places for contents of artifacts that the configuration names: the folder `artifactDir`, and every sink
 * whose kind can hold contents. A key says which of them has the content (`archive:4f…`, and `:4f…` for the
 * folder), so new contents may go elsewhere while the old ones stay where they are.
 */
import { rm } from 'node:fs/promises';
import { type Clock, CodedError, randomHex } from '@postlude/queue/foundations';
import type { ContentFile, ContentStore, Contents } from '../../artifacts/contents.ts';
import { Spool } from '../objects/spool.ts';
import type { PlannedSink } from '../sinks/export-plan.ts';
import { SINK_KINDS } from '../sinks/kinds.ts';
import { FolderContents } from './folder-contents.ts';

export interface PlannedContentsParts {
  /** The folder for contents that no sink has, and for those that are still arriving. */
  readonly folder: string;
  /** The sink that new contents go to; the folder unless given. */
  readonly sink?: string | undefined;
  readonly sinks: ReadonlyMap<string, PlannedSink>;
  readonly clock: Clock;
}

const KEY_BYTES = 16;
const KEY_PATTERN = /^(.*):([0-9a-f]{32})$/;

export class PlannedContents implements Contents {
  readonly #parts: PlannedContentsParts;
  readonly #open = new Map<string, Promise<ContentStore>>();
  #spool: Promise<Spool> | undefined;

  constructor(parts: PlannedContentsParts) {
    this.#parts = parts;
  }

  newKey(): string {
    return `${this.#parts.sink ?? ''}:${randomHex(KEY_BYTES)}`;
  }

  async withFolder<T>(fn: (folder: string) => Promise<T>): Promise<T> {
    this.#spool ??= Spool.open(`${this.#parts.folder}/.arriving`);
    const folder = await (await this.#spool).makeFolder();
    try {
      return await fn(folder);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async put(key: string, file: ContentFile, signal: AbortSignal): Promise<void> {
    const { store, name } = await this.#find(key);
    await store.put(name, file, signal);
  }

  async read(key: string): Promise<AsyncIterable<Uint8Array> | undefined> {
    const { store, name } = await this.#find(key);
    return await store.read(name);
  }

  async remove(key: string): Promise<void> {
    const { store, name } = await this.#find(key);
    await store.remove(name);
  }

  async close(): Promise<void> {
    const opened = await Promise.allSettled(this.#open.values());
    for (const store of opened) if (store.status === 'fulfilled') await store.value.close();
    await (await this.#spool)?.close();
  }

  async #find(key: string): Promise<{ readonly store: ContentStore; readonly name: string }> {
    const [, sink, name] = KEY_PATTERN.exec(key) ?? [];
    if (sink === undefined || name === undefined) {
      throw new CodedError('data-loss', `not the key of a content: ${key}`);
    }
    const opening = this.#open.get(sink) ?? this.#openPlace(sink);
    this.#open.set(sink, opening);
    opening.catch(() => this.#open.delete(sink));
    return { store: await opening, name };
  }

  async #openPlace(sink: string): Promise<ContentStore> {
    const { clock, folder, sinks } = this.#parts;
    if (sink === '') return new FolderContents(folder);
    const planned = sinks.get(sink);
    const contents = planned && SINK_KINDS.get(planned.kind)?.contents;
    if (planned && contents) return await contents.open(planned.options, { clock });
    const problem = `contents are in the sink ${sink}, which is not configured any more`;
    throw new CodedError('misconfigured', problem);
  }
}
