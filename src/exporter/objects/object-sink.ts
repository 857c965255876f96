/**
 * Writes exports as Parquet objects, one for each export, and a manifest beside it:
 *
 *     {prefix}/{project}.{dataset}.{table}/{invocation}-{index}.parquet
 *     {prefix}/{project}.{dataset}.{table}/{invocation}-{index}.manifest.json
 *
 * The file is prepared on this machine, and then uploaded. The service makes it appear in one step,
 * under the condition that nothing has appeared in its place since the attempt began. So attempts on
 * any number of machines leave one object: the first wins, and the others find that theirs is there
 * already, or that they have been superseded. The object's own metadata say which export it is, so
 * that an attempt whose response was lost recognizes what it has written.
 */

import type { Clock, Log } from '@postlude/queue/foundations';
import { CodedError, randomHex } from '@postlude/queue/foundations';
import { digestOf } from '../parquet/disk.ts';
import type { ExportName } from '../parquet/export-files.ts';
import { compareToManifest, parseManifest, type Verification } from '../parquet/manifest.ts';
import type { Export, Receipt, SinkSession } from '../sink.ts';
import type { OpenSink, Probe } from '../sinks/sink-kind.ts';
import { isExport, joinKey, objectKeys, toObjectReceipt } from './export-object.ts';
import { writeManifest } from './object-manifest.ts';
import { ObjectSession } from './object-session.ts';
import type { ObjectStore } from './object-store.ts';
import type { Spool } from './spool.ts';

export interface ObjectSinkParts {
  readonly store: ObjectStore;
  readonly spool: Spool;
  readonly clock: Clock;
  readonly log: Log;
  /** What all keys begin with, without a slash at its end; it may be empty. */
  readonly prefix: string;
}

export class ObjectSink implements OpenSink {
  readonly #parts: ObjectSinkParts;

  constructor(parts: ObjectSinkParts) {
    this.#parts = parts;
  }

  async begin(exported: Export): Promise<SinkSession | Receipt> {
    const { store, log, prefix } = this.#parts;
    const keys = objectKeys(prefix, exported);
    // Whatever an earlier attempt has left, or is still sending without its lease, ends here.
    await store.abandonUploads(keys.data);
    const seen = await store.stat(keys.data);
    if (seen && isExport(seen, exported)) {
      await writeManifest(store, { keys, exported, info: seen });
      return toObjectReceipt(seen, store.location(keys.data));
    }
    if (seen) log.warn('replacing an object that is not this export', { object: keys.data });
    return await ObjectSession.begin({ ...this.#parts, exported, keys, seen });
  }

  async find(exported: Omit<Export, 'attempt'>): Promise<Receipt | undefined> {
    const { store, prefix } = this.#parts;
    const { data } = objectKeys(prefix, exported);
    const info = await store.stat(data);
    if (!info || !isExport(info, exported)) return undefined;
    return toObjectReceipt(info, store.location(data));
  }

  /** Reads the whole object of an export and compares it with its manifest. */
  async verify(name: ExportName): Promise<Verification> {
    const { store, prefix } = this.#parts;
    const keys = objectKeys(prefix, name);
    const content = await store.read(keys.data);
    if (!content) return { status: 'missing' };
    const digest = await digestOf(content);
    const manifest = await store.readText(keys.manifest);
    return compareToManifest(digest, parseManifest(manifest?.text));
  }

  async probe(signal: AbortSignal): Promise<Probe> {
    const { store, prefix, clock } = this.#parts;
    const key = joinKey(prefix, `.probe-${randomHex(8)}`);
    const text = 'Written by "postlude doctor", which removes it.\n';
    const request = { key, content: { text }, contentType: 'text/plain', metadata: {} };
    await store.put({ ...request, expected: 'absent' }, signal);
    try {
      const again = await store.put({ ...request, expected: 'absent' }, signal);
      if (again === 'written') throw ignoresConditions(store.location(key));
      const info = await store.stat(key);
      const clockAheadMs = info?.writtenAt === undefined ? undefined : info.writtenAt - clock.now();
      return { location: store.location(prefix), clockAheadMs };
    } finally {
      await store.remove(key);
    }
  }

  async close(): Promise<void> {
    await this.#parts.store.close();
    await this.#parts.spool.close();
  }
}

function ignoresConditions(location: string): CodedError {
  return new CodedError(
    'misconfigured',
    `${location} was written twice, although the second write was to fail if the object exists (If-None-Match: *): this service does not enforce conditional writes, which exports rely on; choose one that does, or a newer version of it`,
  );
}
