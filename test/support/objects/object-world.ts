/** A bucket of a real server behind a proxy that can fail, for one test. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { randomHex, silentLog, systemClock } from '@postlude/queue/foundations';
import { onTestFinished } from 'vitest';
import { ObjectSink } from '../../../src/exporter/objects/object-sink.ts';
import { Spool } from '../../../src/exporter/objects/spool.ts';
import type { SinkWorld } from '../suites/sink-suite.ts';
import { FaultProxy } from './fault-proxy.ts';
import type { ObjectServer } from './object-servers.ts';

export interface ObjectWorld extends SinkWorld {
  readonly bucket: string;
  open(): Promise<ObjectSink>;
  /** Opens a sink whose requests go through a proxy of its own. */
  openBehindProxy(): Promise<BehindProxy>;
}

export interface BehindProxy {
  readonly sink: ObjectSink;
  readonly proxy: FaultProxy;
}

const PREFIX = 'ci/exports';
const FOLDER = `${PREFIX}/acme.tests.results`;

export async function openObjectWorld(server: ObjectServer): Promise<ObjectWorld> {
  const bucket = `bucket-${randomHex(8)}`;
  await server.makeBucket(bucket);
  const scratch = await mkdtemp(join(tmpdir(), 'postlude-'));
  onTestFinished(() => rm(scratch, { recursive: true, force: true }));
  const open = async (url: string): Promise<ObjectSink> => {
    const store = server.openStore(url, bucket);
    const spool = await Spool.open(join(scratch, 'spool'));
    const sink = new ObjectSink({
      store,
      spool,
      clock: systemClock,
      log: silentLog,
      prefix: PREFIX,
    });
    onTestFinished(() => sink.close());
    return sink;
  };
  const direct = server.openStore(server.url, bucket);
  onTestFinished(() => direct.close());
  return {
    bucket,
    open: () => open(server.url),
    openBehindProxy: async () => {
      const proxy = await FaultProxy.start(server.url);
      onTestFinished(() => proxy.stop());
      return { sink: await open(proxy.url), proxy };
    },
    list: async () => (await server.list(bucket)).map((key) => posix.relative(FOLDER, key)),
    fetch: async (name) => {
      const path = join(scratch, name);
      const content = await direct.read(`${FOLDER}/${name}`);
      if (!content) throw new Error(`there is no ${name}`);
      await writeFile(path, await buffer(content));
      return path;
    },
    leftovers: async () => {
      const uploads = await server.countUploads(bucket);
      const folders = await readdir(join(scratch, 'spool'), { recursive: true });
      const sessions = folders.filter((path) => path.includes('/'));
      return [...Array.from({ length: uploads }, () => 'an upload'), ...sessions];
    },
  };
}
