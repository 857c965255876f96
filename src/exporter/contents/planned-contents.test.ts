import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { systemClock } from '@postlude/queue/foundations';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import {
  type ObjectServer,
  startGcsServer,
  startS3Server,
} from '../../../test/support/objects/object-servers.ts';
import type { Contents } from '../../artifacts/contents.ts';
import { ObjectContents } from './object-contents.ts';
import { PlannedContents } from './planned-contents.ts';

const { signal } = new AbortController();

async function openFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'postlude-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

async function put(contents: Contents, key: string, content: Buffer): Promise<void> {
  await contents.withFolder(async (folder) => {
    const path = join(folder, 'content');
    await writeFile(path, content);
    await contents.put(key, { path, bytes: content.length }, signal);
  });
}

async function read(contents: Pick<Contents, 'read'>, key: string): Promise<Buffer | undefined> {
  const stream = await contents.read(key);
  return stream && (await buffer(stream));
}

test('contents are kept in the folder until they are removed, and nothing else is left', async () => {
  const folder = await openFolder();
  const contents = new PlannedContents({ folder, sinks: new Map(), clock: systemClock });
  const [one, two] = [contents.newKey(), contents.newKey()];
  await put(contents, one, Buffer.from('one'));
  await put(contents, two, Buffer.from('two'));
  expect(await read(contents, one)).toEqual(Buffer.from('one'));
  await contents.remove(one);
  await contents.remove(one);
  expect(await read(contents, one)).toBeUndefined();
  await contents.close();
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  expect(files.filter((file) => file.isFile()).map(({ name }) => `:${name}`)).toEqual([two]);
});

test('new contents go to the sink, and older ones stay in the folder', async () => {
  const folder = await openFolder();
  const bucket = { kind: 's3', options: { bucket: 'b', prefix: '' } };
  const sinks = new Map([['archive', bucket]]);
  const before = new PlannedContents({ folder, sinks, clock: systemClock });
  const key = before.newKey();
  await put(before, key, Buffer.from('old'));
  const after = new PlannedContents({ folder, sinks, sink: 'archive', clock: systemClock });
  expect(after.newKey()).toMatch(/^archive:[0-9a-f]{32}$/);
  expect(await read(after, key)).toEqual(Buffer.from('old'));
});

test('a content in a sink that is gone from the configuration says so', async () => {
  const folder = await openFolder();
  const contents = new PlannedContents({ folder, sinks: new Map(), clock: systemClock });
  await expect(contents.read(`gone:${'0'.repeat(32)}`)).rejects.toThrow(
    'contents are in the sink gone, which is not configured any more',
  );
  await expect(contents.read(':../../etc/passwd')).rejects.toThrow('not the key of a content');
});

const SERVERS = [
  { name: 'S3', isThere: inject('hasS3Server'), start: startS3Server },
  { name: 'GCS', isThere: inject('hasGcsEmulator'), start: startGcsServer },
];

describe.each(SERVERS.filter(({ isThere }) => isThere))('$name', ({ start }) => {
  test('contents are objects below the prefix until they are removed', async () => {
    const server: ObjectServer = await start();
    onTestFinished(() => server.stop());
    await server.makeBucket('contents');
    const store = server.openStore(server.url, 'contents');
    const contents = new ObjectContents(store, 'ci');
    onTestFinished(() => contents.close());
    const [folder, key] = [await openFolder(), '0'.repeat(32)];
    const content = Buffer.alloc(server.partBytes + 7, 'content');
    const path = join(folder, 'content');
    await writeFile(path, content);
    const file = { path, bytes: content.length };
    await contents.put(key, file, signal);
    // A request whose response was lost is sent again.
    await contents.put(key, file, signal);
    expect(await server.list('contents')).toEqual([`ci/artifacts/${key}`]);
    expect((await read(contents, key))?.equals(content)).toBe(true);
    await contents.remove(key);
    await contents.remove(key);
    expect(await read(contents, key)).toBeUndefined();
    expect(await server.list('contents')).toEqual([]);
  });
});
