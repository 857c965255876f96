import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import {
  createInvocation,
  startTestServer,
  type TestServer,
} from '../../../test/support/server/server-world.ts';

const parent = 'invocations/u-a';
const name = `${parent}/artifacts/log%2Fa.txt`;

interface Opened extends TestServer {
  readonly token: string;
  readonly url: string;
}

async function open(flags: Record<string, string> = {}): Promise<Opened> {
  const server = await startTestServer(flags);
  const { headers } = await createInvocation(server, 'u-a');
  return { ...server, token: headers['update-token'], url: server.server.url };
}

function hashOf(content: string | Uint8Array): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

interface Sent {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

async function send(
  { token, url }: Opened,
  content: string,
  { headers, method = 'PUT', path = name }: Sent = {},
): Promise<readonly [number, string]> {
  const all = { 'content-hash': hashOf(content), 'update-token': token, ...headers };
  const response = await fetch(`${url}/${path}`, {
    method,
    body: Buffer.from(content),
    headers: Object.entries(all).filter(([, value]) => value !== ''),
  });
  return [response.status, await response.text()];
}

/** Sends the headers of an upload, and returns once the server waits for the content. */
async function beginUpload({ token, url }: Opened, content: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(
    `PUT /${name} HTTP/1.1\r\nhost: ${hostname}:${port}\r\nupdate-token: ${token}\r\n` +
      `content-hash: ${hashOf(content)}\r\ncontent-length: ${content.length}\r\n` +
      'expect: 100-continue\r\n\r\n',
  );
  await once(socket, 'data');
  return socket;
}

async function fetchUrlOf({ resultDb }: TestServer, of = name): Promise<string> {
  return (await resultDb.getArtifact({ name: of })).fetchUrl;
}

test('what was put at a name is described, and fetched at its URL', async () => {
  const world = await open();
  expect(await send(world, 'hello', { headers: { 'content-type': 'text/plain' } })).toEqual([
    204,
    '',
  ]);
  const artifact = await world.resultDb.getArtifact({ name });
  expect(artifact).toMatchObject({ sizeBytes: 5n, contentType: 'text/plain', hasLines: true });
  expect(artifact.fetchUrl).toMatch(`${world.url}/${name}?token=`);
  const response = await fetch(artifact.fetchUrl);
  expect([response.status, await response.text()]).toEqual([200, 'hello']);
  expect(response.headers.get('content-length')).toBe('5');
  const { artifacts } = await world.resultDb.listArtifacts({ parent });
  expect(await (await fetch(artifacts[0]?.fetchUrl ?? '')).text()).toBe('hello');
});

test('an artifact of a result is put at its name, or posted with the names of both', async () => {
  const world = await open();
  const result = `${parent}/tests/:m%21junit:pkg:Class%23t%2Fest/results/r1`;
  const ofResult = `${result}/artifacts/a.png`;
  expect(await send(world, 'one', { path: ofResult })).toEqual([204, '']);
  const headers = {
    'test-module-name': 'm',
    'test-module-scheme': 'junit',
    'test-coarse-name': 'pkg',
    'test-fine-name': 'Class',
    'test-case-name': encodeURIComponent('t/est'),
    'result-id': 'r1',
    'artifact-id': encodeURIComponent('b/ü1'),
    'artifact-type': 'LOG',
  };
  const posted = { method: 'POST', path: `${parent}/artifacts`, headers };
  expect(await send(world, 'two', posted)).toEqual([204, '']);
  const { artifacts } = await world.resultDb.listArtifacts({ parent: result });
  expect(artifacts).toMatchObject([
    { name: ofResult, testId: ':m!junit:pkg:Class#t/est', resultId: 'r1' },
    { artifactId: 'b/ü1', artifactType: 'LOG' },
  ]);
  const other = { ...posted, headers: { 'artifact-id': 'of-the-run' } };
  expect(await send(world, 'three', other)).toEqual([204, '']);
  expect((await world.resultDb.listArtifacts({ parent })).artifacts).toHaveLength(1);
});

test('the same content again is fine, and another one is refused', async () => {
  const world = await open();
  expect(await send(world, 'one')).toEqual([204, '']);
  expect(await send(world, 'one')).toEqual([204, '']);
  expect(await send(world, 'two')).toEqual([
    409,
    'artifact "log/a.txt" exists already, with another content\n',
  ]);
  expect(await (await fetch(await fetchUrlOf(world))).text()).toBe('one');
});

test('of two uploads at once with different contents, one wins', async () => {
  const world = await open();
  const sent = await Promise.all([send(world, 'one'), send(world, 'two')]);
  expect(sent.map(([status]) => status).toSorted()).toEqual([204, 409]);
  const kept = await (await fetch(await fetchUrlOf(world))).text();
  expect(kept).toBe(sent[0]?.[0] === 204 ? 'one' : 'two');
});

const REFUSED: readonly [number, string, Sent][] = [
  [
    400,
    'Content-Hash: that of the content is sha256:',
    { headers: { 'content-hash': hashOf('x') } },
  ],
  [400, 'Content-Hash: must be sha256:', { headers: { 'content-hash': 'sha256:AB' } }],
  [400, 'content_type: not a media type', { headers: { 'content-type': 'text' } }],
  [400, 'Content-Encoding: must not be set', { headers: { 'content-encoding': 'gzip' } }],
  [400, 'artifact_type: has 61 bytes', { headers: { 'artifact-type': 'a'.repeat(61) } }],
  [400, 'not of the form', { path: `${parent}/artifacts/%zz` }],
  [400, 'not of the form', { path: `${parent}/artifacts/` }],
  [400, 'artifact_id: must begin with', { path: `${parent}/artifacts/%2Fetc` }],
  [400, 'not an invocation id', { path: 'invocations/A/artifacts/a' }],
  [400, 'artifact_id: unspecified', { method: 'POST', path: `${parent}/artifacts` }],
  [
    400,
    'Artifact-ID: is not escaped',
    { method: 'POST', path: `${parent}/artifacts`, headers: { 'artifact-id': '%' } },
  ],
  [
    400,
    'result_id: must not be empty',
    {
      method: 'POST',
      path: `${parent}/artifacts`,
      headers: {
        'artifact-id': 'a',
        'test-module-name': 'legacy',
        'test-module-scheme': 'legacy',
        'test-case-name': 't',
      },
    },
  ],
  [401, 'missing update-token', { headers: { 'update-token': '' } }],
  [403, 'invalid update token', { headers: { 'update-token': 'AAAA' } }],
  [403, 'invalid update token', { path: 'invocations/u-b/artifacts/a' }],
  [405, 'artifacts are recorded by PUT', { method: 'DELETE' }],
  [405, 'artifacts are recorded by PUT', { method: 'PUT', path: `${parent}/artifacts` }],
];

test('an upload is refused if its headers or its content are wrong', async () => {
  const world = await open();
  await createInvocation(world, 'u-b');
  for (const [status, message, sent] of REFUSED) {
    expect(await send(world, 'content', sent)).toEqual([status, expect.stringContaining(message)]);
  }
  expect((await world.resultDb.listArtifacts({ parent })).artifacts).toEqual([]);
});

test('an upload of unknown length is refused', async () => {
  const { token, url } = await open();
  const body = new Blob(['abc']).stream();
  const headers = { 'content-hash': hashOf('abc'), 'update-token': token };
  const init = { method: 'PUT', body, headers, duplex: 'half' } as RequestInit;
  const response = await fetch(`${url}/${name}`, init);
  expect([response.status, await response.text()]).toEqual([400, 'Content-Length: must be set\n']);
});

test('an invocation that is over takes no artifacts, and one that does not exist neither', async () => {
  const world = await open();
  await world.recorder.finalizeInvocation(
    { name: parent },
    { headers: { 'update-token': world.token } },
  );
  expect(await send(world, 'late')).toEqual([400, expect.stringContaining('is FINAL')]);
});

test('an upload that is cut leaves nothing, and can be repeated', async () => {
  const world = await open();
  const socket = await beginUpload(world, 'whole');
  socket.write('wh');
  socket.destroy();
  await once(socket, 'close');
  await expect(world.resultDb.getArtifact({ name })).rejects.toThrow('does not exist');
  expect(await send(world, 'whole')).toEqual([204, '']);
});

test('a long content goes to the folder, and is read from there as a stream', async () => {
  const world = await open();
  const folder = join(world.cwd, '.postlude/artifacts');
  const long = 'long '.repeat(200_000);
  expect(await send(world, long)).toEqual([204, '']);
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const [kept] = files.filter((file) => file.isFile());
  expect(await readFile(join(kept?.parentPath ?? '', kept?.name ?? ''), 'utf8')).toBe(long);
  const url = await fetchUrlOf(world);
  expect(await (await fetch(url)).text()).toBe(long);
  expect(await (await fetch(`${url}&n=70001`)).text()).toBe(long.slice(0, 70_001));
  expect((await fetch(url, { method: 'HEAD' })).headers.get('content-length')).toBe('1000000');
});

test('a long content that is there already is not waited for', async () => {
  const world = await open();
  const long = 'long '.repeat(1_000_000);
  for (let time = 0; time < 2; time++) expect(await send(world, long)).toEqual([204, '']);
  expect((await send(world, `${long}other`))[0]).toBe(409);
});

test('of a long content that is cut or is another one, no file is left', async () => {
  const world = await open();
  const long = 'long '.repeat(200_000);
  const headers = { 'content-hash': hashOf('other') };
  expect((await send(world, long, { headers }))[0]).toBe(400);
  const socket = await beginUpload(world, long);
  socket.write(long.slice(0, 500_000));
  socket.destroy();
  await once(socket, 'close');
  await world.server.close();
  const folder = join(world.cwd, '.postlude/artifacts');
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  expect(files.filter((file) => file.isFile())).toEqual([]);
});

test('a content that is too large is refused before it is sent', async () => {
  const world = await open({ maxArtifactBytes: '100KiB' });
  const [status, text] = await send(world, 'a'.repeat(102_401));
  expect([status, text]).toEqual([
    400,
    'Content-Length: 102401 bytes; at most 102400 are allowed (maxArtifactBytes)\n',
  ]);
});

test('HTTP/2 serves the same', async () => {
  const world = await open();
  const session = connectHttp2(world.url);
  onTestFinished(() => session.close());
  const stream = session.request({
    ':method': 'PUT',
    ':path': `/${name}`,
    'update-token': world.token,
    'content-hash': hashOf('two'),
    'content-length': '3',
  });
  stream.end('two');
  const [headers] = await once(stream, 'response');
  expect(headers[':status']).toBe(204);
  expect(await (await fetch(await fetchUrlOf(world))).text()).toBe('two');
});

test('the beginning of a content, or only its headers', async () => {
  const world = await open();
  await send(world, 'hello');
  const url = await fetchUrlOf(world);
  expect(await (await fetch(`${url}&n=2`)).text()).toBe('he');
  expect(await (await fetch(`${url}&n=99`)).text()).toBe('hello');
  expect((await fetch(`${url}&n=-1`)).status).toBe(400);
  const head = await fetch(url, { method: 'HEAD' });
  expect([head.status, head.headers.get('content-length')]).toEqual([200, '5']);
});

test('a URL is good for its artifact only, and until it expires', async () => {
  const world = await open();
  await send(world, 'one');
  await send(world, 'two', { path: `${parent}/artifacts/other` });
  const url = await fetchUrlOf(world);
  const { searchParams } = new URL(url);
  const token = searchParams.get('token') ?? '';
  const changed = Buffer.from(token, 'base64url');
  changed.writeUInt8(changed.readUInt8(8) ^ 1, 8);
  for (const forged of ['', 'AAAA', changed.toString('base64url'), world.token]) {
    expect((await fetch(`${world.url}/${name}?token=${forged}`)).status).toBe(403);
  }
  expect((await fetch(`${world.url}/${parent}/artifacts/other?token=${token}`)).status).toBe(403);
  expect((await fetch(url.replace('log%2Fa', 'log%2fa'))).status).toBe(200);
});

test('markup is served as plain text that executes nothing', async () => {
  const world = await open();
  const script = '<script>alert(document.domain)</script>';
  await send(world, script, { headers: { 'content-type': 'text/html' } });
  const response = await fetch(await fetchUrlOf(world));
  expect(await response.text()).toBe(script);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-type': 'text/plain; charset=utf-8',
    'content-disposition': `inline; filename="a.txt"; filename*=UTF-8''a.txt`,
    'content-security-policy': expect.stringMatching(/^default-src 'none'; .*; sandbox$/),
    'x-content-type-options': 'nosniff',
  });
});

test('URLs begin with the configured origin', async () => {
  const world = await open({ artifactOrigin: 'https://artifacts.example' });
  await send(world, 'one');
  expect(await fetchUrlOf(world)).toMatch(`https://artifacts.example/${name}?token=`);
});
