import { readdir, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type Clock, systemClock } from '@postlude/queue/foundations';
import { Command } from 'commander';
import { expect, onTestFinished, test } from 'vitest';
import { openCli, openCliContext, openCliWithServer } from '../../../test/support/cli/cli-world.ts';
import { connect } from './connection.ts';

/** Accepts connections and never answers. */
async function startSilentServer(onRequest: () => void): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', onRequest);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const immediately: Clock = { ...systemClock, sleep: () => Promise.resolve() };

test.each([
  ['status x'],
  ['status x --watch'],
  ['query x'],
  ['create x'],
  ['upload r.xml --invocation x'],
  ['export x --wait'],
  ['tq sweep'],
  ['tasks redrive --all'],
  ['record --id x --if-unreachable fail -- true'],
])('a server that never answers fails "%s", however it says how long to wait', async (words) => {
  const url = await startSilentServer(() => undefined);
  const { runWith } = await openCli({ POSTLUDE_SERVER: url });
  const byOption = { clock: immediately };
  const inTime = { code: 1, out: '', err: expect.stringContaining('did not answer in time') };
  const argv = words.split(' ');
  expect(await runWith(byOption, '--timeout', '0.02s', ...argv)).toMatchObject(inTime);
  const byEnvironment = { ...byOption, env: { POSTLUDE_TIMEOUT: '0.02s' } };
  expect(await runWith(byEnvironment, ...argv)).toMatchObject(inTime);
});

test.each(['--retry-for', 'POSTLUDE_RETRY_FOR'])(
  'a command fails at once if %s says that nothing is tried again',
  async (where) => {
    const { runWith } = await openCli({ POSTLUDE_SERVER: 'http://127.0.0.1:1' });
    const clock = { ...systemClock, sleep: () => Promise.reject(new Error('it waits')) };
    const ended = where.startsWith('--')
      ? await runWith({ clock }, 'create', 'x', where, '0s')
      : await runWith({ clock, env: { [where]: '0s' } }, 'create', 'x');
    expect(ended).toMatchObject({
      code: 1,
      err: expect.stringContaining('cannot reach the server'),
    });
    expect(ended.err).not.toContain('retrying');
  },
);

test('calls to a server that never answers fail after a minute, however long each call takes', async () => {
  const url = await startSilentServer(() => undefined);
  const { runWith } = await openCli({ POSTLUDE_SERVER: url });
  let minutes = 0;
  const sleep = async (): Promise<void> => {
    minutes += 0.7;
  };
  const passed = (): number => minutes * 60_000;
  const clock: Clock = { now: passed, monotonicMs: passed, sleep };
  const ended = await runWith({ clock }, 'create', 'x', '--timeout', '0.02s');
  expect(ended).toMatchObject({ code: 1, err: expect.stringContaining('in time') });
  expect(minutes).toBe(1.4);
});

test.each([
  ['http://me:hunter2@127.0.0.1:1', 'POSTLUDE_ID_TOKEN'],
  ['https://hunter2@ci.example/postlude', 'POSTLUDE_ID_TOKEN'],
  ['https://ci.example/?token=hunter2', 'after ? or #'],
  ['https://ci.example/#hunter2', 'after ? or #'],
])(
  'a server URL that holds a secret (%s) is refused, printed nowhere and stored nowhere',
  async (url, hint) => {
    const { cwd, run, runWith } = await openCli();
    const byOption = await run('record', '--id', 'x', '--server', url, '--', 'true');
    const byVariable = await runWith({ env: { POSTLUDE_SERVER: url } }, 'status', 'x');
    for (const { code, out, err } of [byOption, byVariable]) {
      expect([code, err]).toEqual([2, expect.stringContaining(hint)]);
      expect(out + err).not.toContain('hunter2');
    }
    expect(await readdir(cwd)).toEqual([]);
  },
);

test('an invalid time limit is bad input', async () => {
  const { runWith } = await openCli();
  expect(await runWith({ env: { POSTLUDE_TIMEOUT: 'soon' } }, 'status', 'x')).toMatchObject({
    code: 2,
    err: expect.stringContaining('POSTLUDE_TIMEOUT is soon: a duration is'),
  });
});

test.each([
  ['status x'],
  ['status x --watch'],
  ['query x'],
  ['create x'],
  ['finalize x --token t'],
  ['tasks list'],
  ['tq sweep'],
  ['record --id x -- true'],
])('the first signal to stop ends "%s", though the server does not answer', async (words) => {
  const stopping = new AbortController();
  const url = await startSilentServer(() => stopping.abort('SIGINT'));
  const { runWith } = await openCli({ POSTLUDE_SERVER: url });
  expect(await runWith({ signal: stopping.signal }, ...words.split(' '))).toMatchObject({
    code: 130,
    out: '',
    err: expect.stringMatching(/^postlude: stopped/),
  });
});

/** Forwards each request to the server, whatever host the request names. */
async function startProxy(server: string) {
  const hosts: string[] = [];
  const encodings: (string | undefined)[] = [];
  const proxy = createHttpServer((incoming, outgoing) => {
    const asked = new URL(incoming.url ?? '');
    hosts.push(asked.hostname);
    encodings.push(incoming.headers['content-encoding']);
    const { host } = new URL(server);
    const options = { method: incoming.method, headers: { ...incoming.headers, host } };
    const forwarded = request(new URL(asked.pathname, server), options, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(forwarded);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void proxy.close());
  const { port } = proxy.address() as AddressInfo;
  return { encodings, hosts, url: `http://127.0.0.1:${port}` };
}

test('a proxy of the environment is used for other machines, except those it excludes', async () => {
  const { run, runWith, url } = await openCliWithServer();
  await run('create', 'x');
  const proxy = await startProxy(url);
  const env = { HTTP_PROXY: proxy.url, POSTLUDE_SERVER: 'http://ci.invalid:8010' };
  expect(await runWith({ env }, 'status', 'x')).toMatchObject({ code: 0, err: '' });
  expect(new Set(proxy.hosts)).toEqual(new Set(['ci.invalid']));
  const asked = proxy.hosts.length;
  const left = await runWith({ env: { ...env, NO_PROXY: 'ci.invalid' } }, 'status', 'x');
  expect(left.code).toBe(1);
  expect(await runWith({ env: { ...env, POSTLUDE_SERVER: url } }, 'status', 'x')).toMatchObject({
    code: 0,
  });
  expect(proxy.hosts).toHaveLength(asked);
});

test('results are compressed on their way to another machine', async () => {
  const { cwd, run, runWith, url } = await openCliWithServer();
  await run('create', 'x');
  const names = Array.from({ length: 20 }, (_, index) => `<testcase name="a test ${index}"/>`);
  await writeFile(join(cwd, 'r.xml'), `<testsuite name="s">${names.join('')}</testsuite>`);
  const proxy = await startProxy(url);
  const env = { HTTP_PROXY: proxy.url, POSTLUDE_SERVER: 'http://ci.invalid:8010' };
  const uploaded = await runWith({ env }, 'upload', 'r.xml', '--invocation', 'x');
  expect(uploaded).toMatchObject({ code: 0, err: '' });
  expect(proxy.encodings).toContain('gzip');
  expect((await run('query', 'x', '--json')).json().at(-1)).toMatchObject({
    totals: { results: 20 },
  });
});

test('even a refusal shows how far our clock is ahead', async () => {
  const { url } = await openCliWithServer();
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + 3_600_000 };
  const context = { ...openCliContext(), clock, env: { POSTLUDE_SERVER: url } };
  const { aheadMs, resultDb } = connect(context, new Command());
  expect(aheadMs()).toBeUndefined();
  await expect(resultDb.getInvocation({ name: 'invocations/missing' })).rejects.toThrow('missing');
  expect(aheadMs()).toBeGreaterThanOrEqual(3_600_000);
});
