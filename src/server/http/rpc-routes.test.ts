import { connect as connectSocket, type Socket } from 'node:net';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from '@connectrpc/connect-node';
import { CodedError, type ErrorCode } from '@postlude/queue/foundations';
import { describe, expect, onTestFinished, test } from 'vitest';
import { LIST_TASKS, serveRpcs } from '../../../test/support/server/rpc-server.ts';
import { Invocations } from '../../gen/postlude/v1/invocations_pb.js';
import { Tasks } from '../../gen/postlude/v1/tasks_pb.js';
import type { Authenticate } from './auth.ts';

const TRANSPORTS: readonly [string, (baseUrl: string) => Transport][] = [
  ['gRPC', (baseUrl) => createGrpcTransport({ baseUrl })],
  ['gRPC-web', (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: '1.1' })],
  ['gRPC-web over HTTP/2', (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: '2' })],
  ['Connect', (baseUrl) => createConnectTransport({ baseUrl, httpVersion: '1.1' })],
  [
    'Connect in JSON over HTTP/2',
    (baseUrl) => createConnectTransport({ baseUrl, httpVersion: '2', useBinaryFormat: false }),
  ],
];

describe.each(TRANSPORTS)('a stock client of %s', (_name, transport) => {
  test('calls a method', async () => {
    const { url } = await serveRpcs();
    const answer = await createClient(Tasks, transport(url)).listTasks({ type: 'finalize' });
    expect(answer.nextPageToken).toBe('anonymous:anonymous asked for finalize');
  });

  test('receives a stream', async () => {
    const { url } = await serveRpcs({
      watch: async function* () {
        yield;
        yield;
      },
    });
    const messages: unknown[] = [];
    for await (const message of createClient(Invocations, transport(url)).watchInvocation({})) {
      messages.push(message);
    }
    expect(messages).toHaveLength(2);
  });

  test('receives headers of the response, and sends some', async () => {
    const { url } = await serveRpcs({
      listTasks: (context) => context.setHeader('update-token', context.updateTokens.join('|')),
    });
    const headers: string[] = [];
    await createClient(Tasks, transport(url)).listTasks(
      {},
      {
        headers: [
          ['update-token', 'one'],
          ['update-token', 'two'],
        ],
        onHeader: (header) => headers.push(header.get('update-token') ?? ''),
      },
    );
    expect(headers).toEqual(['one|two']);
  });

  test('receives an error with its code', async () => {
    const { url } = await serveRpcs({
      listTasks: () => {
        throw new CodedError('not-found', 'invocations/x not found');
      },
    });
    await expect(createClient(Tasks, transport(url)).listTasks({})).rejects.toMatchObject({
      code: Code.NotFound,
      rawMessage: 'invocations/x not found',
    });
  });

  test('is told when a message is too large', async () => {
    const { url } = await serveRpcs({}, { maxRequestBytes: 2000 });
    const client = createClient(Tasks, transport(url));
    await expect(client.listTasks({ type: 'x'.repeat(3000) })).rejects.toMatchObject({
      code: Code.ResourceExhausted,
    });
    await client.listTasks({ type: 'x'.repeat(100) });
  });

  test('is told that a method does not exist', async () => {
    const { url } = await serveRpcs();
    await expect(createClient(Tasks, transport(url)).redriveTasks({})).rejects.toMatchObject({
      code: Code.Unimplemented,
    });
  });

  test('is told to try again when the server drains during a stream', async () => {
    const { url, draining } = await serveRpcs({
      watch: async function* (context) {
        yield;
        await new Promise((resolve) => context.signal.addEventListener('abort', resolve));
      },
    });
    const stream = createClient(Invocations, transport(url)).watchInvocation({});
    const read = async (): Promise<void> => {
      for await (const _ of stream) draining.abort();
    };
    await expect(read()).rejects.toMatchObject({ code: Code.Unavailable });
  });
});

function post(url: string, init: RequestInit = {}): Promise<Response> {
  const headers = { 'content-type': 'application/json', ...(init.headers as object) };
  return fetch(url + LIST_TASKS, { method: 'POST', body: '{}', ...init, headers });
}

test('plain JSON over HTTP is a call', async () => {
  const { url } = await serveRpcs();
  const response = await post(url, { body: '{"type": "finalize"}' });
  expect([response.status, await response.json()]).toEqual([
    200,
    { nextPageToken: 'anonymous:anonymous asked for finalize' },
  ]);
});

test('JSON that does not decode is an invalid argument, and a line of the log', async () => {
  const { url, lines } = await serveRpcs();
  const response = await post(url, { body: '{"type": 7' });
  expect([response.status, await response.json()]).toEqual([
    400,
    { code: 'invalid_argument', message: expect.any(String) },
  ]);
  expect(lines.at(-1)).toMatchObject({ method: LIST_TASKS.slice(1), code: 'invalid_argument' });
});

test('a body that grows beyond the limit in decompression is refused', async () => {
  const { url } = await serveRpcs({}, { maxRequestBytes: 10_000 });
  const body = gzipSync(JSON.stringify({ type: ' '.repeat(10_000_000) }));
  expect(body.length).toBeLessThan(10_000);
  const response = await post(url, { body, headers: { 'content-encoding': 'gzip' } });
  expect([response.status, await response.json()]).toMatchObject([
    429,
    { code: 'resource_exhausted' },
  ]);
});

/** 16 MB of fields that the schema lacks, of two bytes each: a hundred times as much if they are kept. */
const UNKNOWN_FIELDS = Buffer.alloc(16 * 1024 ** 2, Buffer.from([0x78, 0]));

test.each([
  ['Connect', 'application/proto', brotliCompressSync(UNKNOWN_FIELDS)],
  ['gRPC', 'application/grpc-web', frame(brotliCompressSync(UNKNOWN_FIELDS))],
])(
  'a small body of %s that would become many objects is refused undecoded',
  async (_, type, body) => {
    expect(body.length).toBeLessThan(200);
    const { url, lines } = await serveRpcs({}, { maxRequestBytes: 16 * 1024 ** 2 });
    const headers = { 'content-type': type, 'content-encoding': 'br', 'grpc-encoding': 'br' };
    const response = await post(url, { body, headers });
    await response.text();
    expect(lines.at(-1)).toMatchObject({ code: 'resource_exhausted' });
  },
);

/** A compressed message of gRPC. */
function frame(message: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([1, 0, 0, 0, message.length]), message]);
}

test('a message that cannot be decoded is an invalid argument', async () => {
  const { url, lines } = await serveRpcs();
  const headers = { 'content-type': 'application/proto' };
  const response = await post(url, { body: Buffer.from([0x0a, 9, 0x61]), headers });
  expect(response.status).toBe(400);
  expect(lines.at(-1)).toMatchObject({ level: 'debug', code: 'invalid_argument' });
});

test('a full disk is told from a message that is too large: by HTTP 507, and by its reason', async () => {
  const full = new CodedError('resource-exhausted', 'the disk of /srv/data is full', {
    reason: 'disk-full',
  });
  const { url, lines } = await serveRpcs({
    listTasks: () => {
      throw full;
    },
  });
  const response = await post(url, { body: '{}' });
  expect([response.status, response.headers.get('error-reason')]).toEqual([507, 'disk-full']);
  expect(await response.json()).toEqual({
    code: 'resource_exhausted',
    message: expect.stringMatching(/^the database's disk is full/),
  });
  expect(lines.at(-1)).toMatchObject({ level: 'warn', code: 'resource_exhausted' });
  for (const [, open] of TRANSPORTS) {
    const error = await createClient(Tasks, open(url)).listTasks({}).catch(ConnectError.from);
    if (!(error instanceof ConnectError)) throw new Error('the call did not fail');
    expect([error.code, error.metadata.get('error-reason')]).toEqual([
      Code.ResourceExhausted,
      'disk-full',
    ]);
  }
});

const CODES: readonly [ErrorCode, number, string][] = [
  ['invalid-argument', 400, 'invalid_argument'],
  ['not-found', 404, 'not_found'],
  ['already-exists', 409, 'already_exists'],
  ['permission-denied', 403, 'permission_denied'],
  ['resource-exhausted', 429, 'resource_exhausted'],
  ['failed-precondition', 400, 'failed_precondition'],
  ['conflict', 409, 'aborted'],
  ['lease-lost', 409, 'aborted'],
  ['unavailable', 503, 'unavailable'],
  ['schema-too-new', 503, 'unavailable'],
  ['schema-too-old', 503, 'unavailable'],
  ['data-loss', 500, 'data_loss'],
  ['unauthenticated', 401, 'unauthenticated'],
  ['outcome-unknown', 500, 'unknown'],
];

test.each(CODES)('%s is HTTP %i with the code %s', async (code, status, name) => {
  const { url } = await serveRpcs({
    listTasks: () => {
      throw new CodedError(code, 'said so');
    },
  });
  const response = await post(url);
  expect([response.status, await response.json()]).toMatchObject([status, { code: name }]);
});

test('a fault is told without details, which the log has', async () => {
  const { url, lines } = await serveRpcs({
    listTasks: () => {
      throw new TypeError('the password is hunter2');
    },
  });
  const response = await post(url);
  expect([response.status, await response.text()]).toEqual([
    500,
    '{"code":"internal","message":"internal error"}',
  ]);
  expect(lines.at(-1)).toMatchObject({
    level: 'error',
    code: 'internal',
    error: { type: 'TypeError', message: 'the password is hunter2', stack: expect.any(String) },
  });
});

test('a call is a line, a measurement and a span under the span of the caller', async () => {
  const { url, lines, spans, render } = await serveRpcs();
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  await (await post(url, { headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` } })).text();
  expect(lines.at(-1)).toMatchObject({
    level: 'debug',
    method: LIST_TASKS.slice(1),
    code: 'ok',
    caller: 'anonymous:anonymous',
    ms: expect.any(Number),
    traceId,
  });
  expect(await render()).toContain(
    'postlude_rpc_duration_count{method="postlude.v1.Tasks/ListTasks",code="ok"} 1',
  );
  const [span] = spans.getFinishedSpans();
  expect(span).toMatchObject({
    name: LIST_TASKS.slice(1),
    parentSpanContext: { spanId: '00f067aa0ba902b7' },
  });
});

test.each<[string, readonly string[], string]>([
  ['no proxy is trusted', [], '127.0.0.1'],
  ['the peer is a trusted proxy', ['127.0.0.1'], '203.0.113.9'],
  ['another proxy is trusted', ['10.0.0.0/8'], '127.0.0.1'],
])('the log has the address of the client if %s', async (_what, trustedProxies, address) => {
  const { url, lines } = await serveRpcs({}, { trustedProxies });
  await (await post(url, { headers: { 'x-forwarded-for': '203.0.113.9' } })).text();
  expect(lines.at(-1)).toMatchObject({ method: LIST_TASKS.slice(1), address });
});

function firstAnswer(socket: Socket): Promise<string> {
  return new Promise((resolve) => socket.once('data', (data) => resolve(String(data))));
}

test('refuses a caller without a token before the body has been read, if nobody granted it anything', async () => {
  const { host, port } = await serveRpcs({}, { isAnonymousGranted: false });
  const socket = connectSocket({ host, port });
  onTestFinished(() => void socket.destroy());
  socket.write(
    `POST ${LIST_TASKS} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n` +
      'content-length: 1000\r\n\r\n',
  );
  const answer = await firstAnswer(socket);
  expect(answer).toMatch(/^HTTP\/1.1 403 [\s\S]*"code":"permission_denied"/);
});

test('refuses a caller before the body has been read, and logs no token', async () => {
  const authenticate: Authenticate = async (header) => {
    throw new CodedError('unauthenticated', header === null ? 'no token' : 'bad token');
  };
  const { host, port, lines } = await serveRpcs({}, { authenticate });
  const socket = connectSocket({ host, port });
  onTestFinished(() => void socket.destroy());
  socket.write(
    `POST ${LIST_TASKS} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n` +
      'authorization: Bearer s3cr3t\r\nupdate-token: t0k3n\r\ncontent-length: 1000\r\n\r\n',
  );
  const answer = await firstAnswer(socket);
  expect(answer).toMatch(/^HTTP\/1.1 401 [\s\S]*"code":"unauthenticated","message":"bad token"/);
  expect(JSON.stringify(lines)).not.toMatch(/s3cr3t|t0k3n/);
});

test('passes on who calls', async () => {
  const { url } = await serveRpcs({}, { authenticate: async () => 'user:a@example.com' });
  expect(await (await post(url)).json()).toEqual({
    nextPageToken: 'user:a@example.com asked for ',
  });
});

test('a request without a host is refused, and harms nobody', async () => {
  const { host, port, url } = await serveRpcs();
  const socket = connectSocket({ host, port });
  socket.write(`POST ${LIST_TASKS} HTTP/1.0\r\ncontent-type: application/json\r\n\r\n`);
  const answer = await firstAnswer(socket);
  expect(answer).toMatch(/^HTTP\/1.1 40\d /);
  expect((await post(url)).status).toBe(200);
});
