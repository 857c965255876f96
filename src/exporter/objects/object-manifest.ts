/** Writes the manifest of an object from the object's own metadata, so that the two always agree. */
import { posix } from 'node:path';
import { CodedError } from '@postlude/queue/foundations';
import { createManifest, formatManifest } from '../parquet/manifest.ts';
import type { Export } from '../sink.ts';
import { describedBy, type ObjectKeys } from './export-object.ts';
import type { ObjectInfo, ObjectStore } from './object-store.ts';

export interface ManifestRequest {
  readonly keys: ObjectKeys;
  readonly exported: Omit<Export, 'attempt'>;
  readonly info: Pick<ObjectInfo, 'bytes' | 'metadata'>;
}

/** Leaves a manifest alone that says the same. Throws `conflict` if another attempt writes it. */
export async function writeManifest(store: ObjectStore, request: ManifestRequest): Promise<void> {
  const { keys, exported, info } = request;
  const file = posix.basename(keys.data);
  const text = formatManifest(createManifest(exported, { file, ...describedBy(info) }));
  const found = await store.readText(keys.manifest);
  if (found?.text === text) return;
  const outcome = await store.put({
    key: keys.manifest,
    content: { text },
    contentType: 'application/json',
    metadata: {},
    expected: found ?? 'absent',
  });
  if (outcome === 'written') return;
  // Either another attempt has written the same, or our own first request had, before a retry.
  if ((await store.readText(keys.manifest))?.text === text) return;
  throw new CodedError('conflict', `${store.location(keys.manifest)} is being replaced`);
}
