/** Real servers of object storage on this machine, and stores that write to them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as s3Library from '@aws-sdk/client-s3';
import { S3Client } from '@aws-sdk/client-s3';
import { systemClock } from '@postlude/queue/foundations';
import { GcsStore } from '../../../src/exporter/objects/gcs/gcs-store.ts';
import type { ObjectStore } from '../../../src/exporter/objects/object-store.ts';
import { S3Store } from '../../../src/exporter/objects/s3/s3-store.ts';
import { startEmulator } from '../network/emulator-process.ts';
import { GCS_EMULATOR, S3_SERVER } from '../network/emulators.ts';
import { freePort } from '../network/free-port.ts';
import { UploadSessions } from './upload-sessions.ts';

declare module 'vitest' {
  interface ProvidedContext {
    hasS3Server: boolean;
    hasGcsEmulator: boolean;
  }
}

export interface ObjectServer {
  readonly url: string;
  makeBucket(name: string): Promise<void>;
  /** Opens a store that reaches the server at `url`, which may be that of a proxy. */
  openStore(url: string, bucket: string): ObjectStore;
  /** Returns the keys of all objects. */
  list(bucket: string): Promise<string[]>;
  /** Returns how many uploads have been begun and not ended. */
  countUploads(bucket: string): Promise<number>;
  stop(): Promise<void>;
  /** A larger file is sent in parts. */
  readonly partBytes: number;
}

/** The smallest that the servers accept, so that files of some MB are sent in parts. */
const S3_PART_BYTES = 5 * 1024 * 1024;
const GCS_CHUNK_BYTES = 256 * 1024;

export const S3_CREDENTIALS = { accessKeyId: 'postlude', secretAccessKey: 'not-a-secret' };

export async function startS3Server(): Promise<ObjectServer> {
  const folder = await mkdtemp(join(tmpdir(), 'postlude-s3-'));
  const port = await freePort();
  const { accessKeyId, secretAccessKey } = S3_CREDENTIALS;
  const { stop } = await startEmulator(S3_SERVER, {
    args: [
      ...['--port', `127.0.0.1:${port}`, '--access', accessKeyId, '--secret', secretAccessKey],
      ...['--quiet', 'posix', folder],
    ],
    ports: [port],
  });
  const url = `http://127.0.0.1:${port}`;
  const client = s3Client(url);
  return {
    url,
    partBytes: S3_PART_BYTES,
    makeBucket: async (name) =>
      void (await client.send(new s3Library.CreateBucketCommand({ Bucket: name }))),
    openStore: (at, bucket) =>
      new S3Store({
        library: s3Library,
        client: s3Client(at),
        bucket,
        partBytes: S3_PART_BYTES,
      }),
    list: async (bucket) => {
      const { Contents = [] } = await client.send(
        new s3Library.ListObjectsV2Command({ Bucket: bucket }),
      );
      return Contents.map(({ Key = '' }) => Key).sort();
    },
    countUploads: async (bucket) => {
      const { Uploads = [] } = await client.send(
        new s3Library.ListMultipartUploadsCommand({ Bucket: bucket }),
      );
      return Uploads.length;
    },
    stop: async () => {
      client.destroy();
      await stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function s3Client(endpoint: string): S3Client {
  return new S3Client({
    endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: S3_CREDENTIALS,
  });
}

export async function startGcsServer(): Promise<ObjectServer> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const emulator = await startEmulator(GCS_EMULATOR, {
    args: [
      ...['-scheme', 'http', '-host', '127.0.0.1', '-port', String(port), '-backend', 'memory'],
      ...['-external-url', url, '-public-host', `127.0.0.1:${port}`, '-log-level', 'error'],
    ],
    ports: [port],
  });
  const sessions = await UploadSessions.start(url);
  return {
    url: sessions.url,
    partBytes: GCS_CHUNK_BYTES,
    makeBucket: async (name) => {
      const body = JSON.stringify({ name });
      const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
      const { ok, status } = await fetch(`${url}/storage/v1/b?project=p`, init);
      if (!ok) throw new Error(`cannot make a bucket: ${status}`);
    },
    openStore: (at, bucket) =>
      new GcsStore({
        endpoint: at,
        bucket,
        authorize: async () => ({}),
        clock: systemClock,
        chunkBytes: GCS_CHUNK_BYTES,
      }),
    list: async (bucket) => {
      const response = await fetch(`${url}/storage/v1/b/${bucket}/o`);
      const { items = [] } = (await response.json()) as { items?: { readonly name: string }[] };
      return items.map(({ name }) => name).sort();
    },
    // Nobody can list them, and the service ends them by itself.
    countUploads: async () => 0,
    stop: async () => {
      await sessions.stop();
      await emulator.stop();
    },
  };
}
