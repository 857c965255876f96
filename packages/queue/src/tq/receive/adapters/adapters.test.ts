import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import express from 'express';
import fastify, { type FastifyInstance } from 'fastify';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Signal } from '../../../../../../test/support/signal.ts';
import {
  listen,
  MAIL_ENVELOPE,
  openPushWorld,
} from '../../../../../../test/support/tq/push-world.ts';
import { IgnoredError } from '../../../foundations/errors.ts';
import type { PushHandler } from '../push.ts';
import { expressPush } from './express.ts';
import { fastifyPush, fastifyPushHandler } from './fastify.ts';
import { fetchPush } from './fetch.ts';
import { nodePush } from './node.ts';

const PREFIX = '/internal/tasks';
const JSON_TYPE = { 'content-type': 'application/json' };

interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** A client and a server that serves pushes in one way. */
interface Served {
  send(method: string, body?: string, headers?: Record<string, string>): Promise<Answer>;
  /** Begins to push. The returned function closes the connection. */
  begin(): () => void;
}

function overHttp(origin: string): Served {
  const open = (method: string, headers: Record<string, string>) =>
    httpRequest(`${origin}${PREFIX}/t/mail`, { method, headers });
  return {
    send: async (method, body, headers = JSON_TYPE) => {
      const request = open(method, headers);
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        request.on('response', resolve).on('error', reject).end(body);
      });
      const text = Buffer.concat(await response.toArray()).toString();
      return { status: response.statusCode, headers: response.headers, text };
    },
    begin: () => {
      const request = open('POST', JSON_TYPE).on('error', () => undefined);
      request.end(MAIL_ENVELOPE);
      return () => void request.destroy();
    },
  };
}

async function serveNode(push: PushHandler): Promise<Served> {
  const pushes = nodePush(push);
  return overHttp(
    await listen(createServer((request, response) => void pushes(request, response))),
  );
}

async function serveHttp2(push: PushHandler): Promise<Served> {
  const pushes = nodePush(push);
  const server = createHttp2Server((request, response) => void pushes(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  onTestFinished(() => {
    client.destroy();
    server.close();
  });
  const open = (method: string, headers: Record<string, string>) =>
    client.request({ ':method': method, ':path': `${PREFIX}/t/mail`, ...headers });
  return {
    send: async (method, body, { host, ...headers } = JSON_TYPE) => {
      const stream = open(method, { ...headers, ...(host ? { ':authority': host } : {}) });
      const answered = new Promise<Record<string, unknown>>((resolve, reject) => {
        stream.on('response', resolve).on('error', reject).end(body);
      });
      const { ':status': status, ...others } = await answered;
      const text = Buffer.concat(await stream.toArray()).toString();
      return { status: Number(status), headers: others, text };
    },
    begin: () => {
      const stream = open('POST', JSON_TYPE).on('error', () => undefined);
      stream.end(MAIL_ENVELOPE);
      return () => stream.close(8);
    },
  };
}

async function serveFetch(push: PushHandler): Promise<Served> {
  const answer = fetchPush(push);
  const url = `http://localhost${PREFIX}/t/mail`;
  return {
    send: async (method, body, headers = JSON_TYPE) => {
      const request = new Request(url, { method, headers, ...(body ? { body } : {}) });
      const response = await answer(request, { peerAddress: '127.0.0.1' });
      const { status } = response;
      const text = await response.text();
      return { status, headers: Object.fromEntries(response.headers), text };
    },
    begin: () => {
      const client = new AbortController();
      const { signal } = client;
      const request = new Request(url, { method: 'POST', body: MAIL_ENVELOPE, signal });
      void answer(request, { peerAddress: '::1' });
      return () => client.abort();
    },
  };
}

function serveExpress(...before: express.RequestHandler[]) {
  return async (push: PushHandler): Promise<Served> => {
    const app = express();
    for (const middleware of before) app.use(middleware);
    app.use(PREFIX, expressPush(push));
    return overHttp(await listen(createServer(app)));
  };
}

function serveFastify(register: (app: FastifyInstance, push: PushHandler) => unknown) {
  return async (push: PushHandler): Promise<Served> => {
    const app = fastify({ forceCloseConnections: true });
    onTestFinished(() => app.close());
    await register(app, push);
    return overHttp(await app.listen({ host: '127.0.0.1', port: 0 }));
  };
}

const JSON_LIMIT = { limit: 1000 };
const WAYS: readonly [string, (push: PushHandler) => Promise<Served>][] = [
  ['node:http', serveNode],
  ['node:http2', serveHttp2],
  ['Request and Response', serveFetch],
  ['Express', serveExpress()],
  ['Express after express.json()', serveExpress(express.json(JSON_LIMIT))],
  ['Express after express.text()', serveExpress(express.text({ type: '*/*', ...JSON_LIMIT }))],
  ['Express after express.raw()', serveExpress(express.raw({ type: '*/*', ...JSON_LIMIT }))],
  [
    'Fastify by plugin',
    serveFastify((app, push) => app.register(fastifyPush(push), { prefix: PREFIX })),
  ],
  [
    'Fastify by a route of its own',
    serveFastify((app, push) =>
      app.all(`${PREFIX}/*`, { bodyLimit: 1000 }, fastifyPushHandler(push)),
    ),
  ],
];

describe.each(WAYS)('by %s', (way, serve) => {
  test('a task is run, and gets a response', async () => {
    const { push, handled } = openPushWorld();
    const { send } = await serve(push);
    const headers = { ...JSON_TYPE, 'X-CloudTasks-TaskName': 'n1' };
    const answer = await send('POST', MAIL_ENVELOPE, headers);
    expect(answer).toMatchObject({
      status: 200,
      text: 'done\n',
      headers: { 'content-type': 'text/plain; charset=utf-8' },
    });
    expect(handled).toMatchObject([{ task: { payload: { to: 'a' }, id: 'n1' } }]);
    expect(handled[0]?.context.signal.aborted).toBe(false);
  });

  test('a response without content has no body', async () => {
    const world = openPushWorld();
    world.handle = () => Promise.reject(new IgnoredError('too late'));
    const { send } = await serve(world.push);
    const answer = await send('POST', MAIL_ENVELOPE);
    expect(answer).toMatchObject({ status: 204, text: '' });
    expect(answer.headers['content-type']).toBeUndefined();
  });

  test('a GET is refused, with the allowed method', async () => {
    const { push, handled } = openPushWorld();
    const { send } = await serve(push);
    const answer = await send('GET', undefined, {});
    expect(answer).toMatchObject({ status: 405, headers: { allow: 'POST' } });
    expect(handled).toEqual([]);
  });

  test('bad JSON, an unknown class and a large body are refused', async () => {
    const { push, handled } = openPushWorld({ maxBodyBytes: 1000 });
    const { send } = await serve(push);
    expect(await send('POST', '{"class": ')).toMatchObject({ status: 400 });
    expect(await send('POST', '{"class": "x", "body": {}}')).toMatchObject({ status: 404 });
    expect(await send('POST', MAIL_ENVELOPE.padEnd(1001))).toMatchObject({ status: 413 });
    const chunked = { ...JSON_TYPE, 'transfer-encoding': 'chunked' };
    const undeclared = way === 'node:http2' ? JSON_TYPE : chunked;
    expect(await send('POST', MAIL_ENVELOPE.padEnd(1001), undeclared)).toMatchObject({
      status: 413,
    });
    expect(handled).toEqual([]);
  });

  test('a push to another host name is refused', async () => {
    const { push, handled } = openPushWorld();
    const { send } = await serve(push);
    const headers = { ...JSON_TYPE, host: 'evil.example.com' };
    expect(await send('POST', MAIL_ENVELOPE, headers)).toMatchObject({ status: 403 });
    expect(handled).toEqual([]);
  });

  test('the handler learns that the client has gone', async () => {
    const world = openPushWorld();
    const started = new Signal();
    const gone = new Signal();
    world.handle = ({ signal }) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => resolve(gone.emit()));
        started.emit();
      });
    const { begin } = await serve(world.push);
    const leave = begin();
    await started.next();
    expect(gone.pending).toBe(0);
    leave();
    await gone.next();
  });
});

test.each([
  [undefined, '/internal/tasks', 200],
  [undefined, '/internal/tasks/', 200],
  [undefined, '/internal/tasks/t/mail/title?id=1', 200],
  [undefined, '/internal/tasks?id=1', 200],
  [undefined, '/internal/tasksforce', 418],
  [undefined, '/internal', 418],
  [undefined, '/?/internal/tasks/t', 418],
  ['/hooks/', '/hooks/t/mail', 200],
  ['/hooks/', '/internal/tasks/t/mail', 418],
  ['/', '/anything', 200],
])('with the prefix %s, node:http serves %s: %i', async (prefix, path, status) => {
  const pushes = nodePush(openPushWorld().push, prefix === undefined ? {} : { prefix });
  const origin = await listen((request, response) => {
    if (!pushes(request, response)) response.writeHead(418).end();
  });
  const response = await fetch(origin + path, { method: 'POST', body: MAIL_ENVELOPE });
  expect(response.status).toBe(status);
});

describe('a body that has been read already', () => {
  const readAndForget: express.RequestHandler = (request, _, next) => {
    request.resume().on('end', () => next());
  };

  test('is refused by Express with advice if it was not kept', async () => {
    const { push, handled, rejected } = openPushWorld();
    const { send } = await serveExpress(readAndForget)(push);
    const answer = await send('POST', MAIL_ENVELOPE);
    expect(answer).toMatchObject({ status: 500, text: expect.stringContaining('express.json()') });
    expect([handled, rejected]).toEqual([[], ['unreadable']]);
  });

  test('is taken from the kept bytes', async () => {
    const { push, handled } = openPushWorld();
    const keep: express.RequestHandler = (request, _, next) => {
      void request.toArray().then((chunks) => {
        Object.assign(request, { rawBody: Buffer.concat(chunks), body: { other: 'thing' } });
        next();
      });
    };
    const { send } = await serveExpress(keep)(push);
    expect(await send('POST', MAIL_ENVELOPE)).toMatchObject({ status: 200 });
    expect(handled).toHaveLength(1);
  });

  test('is refused by Request and Response, with advice', async () => {
    const { push, handled } = openPushWorld();
    const request = new Request('http://localhost/', { method: 'POST', body: MAIL_ENVELOPE });
    await request.text();
    const response = await fetchPush(push)(request, { peerAddress: '127.0.0.1' });
    expect([response.status, await response.text()]).toEqual([
      500,
      expect.stringContaining('clone of the request'),
    ]);
    expect(handled).toEqual([]);
  });
});

test('a Request from an unknown address is refused without OIDC', async () => {
  const { push, handled } = openPushWorld();
  const request = new Request('http://localhost/', { method: 'POST', body: MAIL_ENVELOPE });
  expect((await fetchPush(push)(request)).status).toBe(403);
  expect(handled).toEqual([]);
});
