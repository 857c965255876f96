import { connect as connectHttp2 } from 'node:http2';
import { Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from '@connectrpc/connect-node';
import { expect, onTestFinished, test } from 'vitest';
import { LIST_TASKS, serveRpcs } from '../../../test/support/server/rpc-server.ts';
import { Exports } from '../../gen/postlude/v1/exports_pb.js';

const WATCH = '/postlude.v1.Invocations/WatchInvocation';
/** Field 1 with a length beyond the end. */
const NO_PROTOBUF = new Uint8Array([0x0a, 0xff, 0x01]);
/** These pass the scan, which looks at neither: field 1 with a text that is no UTF-8, and a tag of 36 bits. */
const NO_TEXT = new Uint8Array([0x0a, 0x01, 0xff]);
const NO_TAG = new Uint8Array([0xf0, 0x9f, 0xa6, 0x8a, 0x50, 0x01]);

function inEnvelope(message: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array([0, 0, 0, 0, message.length, ...message]);
}

async function post(url: string, contentType: string, body: Uint8Array<ArrayBuffer> | string) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': contentType },
    body,
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** Sends a request over HTTP/2, and returns its headers and trailers. */
async function postGrpc(url: string, path: string, body: Uint8Array) {
  const session = connectHttp2(url);
  onTestFinished(() => session.close());
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  const told: Record<string, unknown> = {};
  stream.on('response', (headers) => Object.assign(told, headers));
  stream.on('trailers', (trailers) => Object.assign(told, trailers));
  stream.end(body);
  stream.resume();
  await new Promise((resolve) => stream.once('end', resolve));
  return told;
}

test('what is no protobuf is the fault of the caller in Connect, and no error in the log', async () => {
  const { url, lines } = await serveRpcs();
  const { status, text } = await post(`${url}${LIST_TASKS}`, 'application/proto', NO_PROTOBUF);
  expect([status, JSON.parse(text)]).toMatchObject([400, { code: 'invalid_argument' }]);
  expect(lines.map(({ level, code }) => [level, code])).toEqual([['debug', 'invalid_argument']]);
});

test.each([
  ['a text that is no UTF-8', NO_TEXT],
  ['a tag that overflows', NO_TAG],
])('so is %s, which only the codec refuses, in each protocol', async (_what, bytes) => {
  const { url, lines } = await serveRpcs();
  const unary = await post(`${url}${LIST_TASKS}`, 'application/proto', bytes);
  expect([unary.status, JSON.parse(unary.text)]).toMatchObject([400, { code: 'invalid_argument' }]);
  expect(await postGrpc(url, LIST_TASKS, inEnvelope(bytes))).toMatchObject({ 'grpc-status': '3' });
  const web = await post(`${url}${LIST_TASKS}`, 'application/grpc-web+proto', inEnvelope(bytes));
  expect(web.text).toContain('grpc-status: 3\r\n');
  expect(lines.map(({ level }) => level)).toEqual(['debug', 'debug', 'debug']);
});

test.each([LIST_TASKS, WATCH])('and in gRPC (%s)', async (path) => {
  const { url, lines } = await serveRpcs();
  expect(await postGrpc(url, path, inEnvelope(NO_PROTOBUF))).toMatchObject({
    ':status': 200,
    'grpc-status': '3',
    'grpc-message': expect.stringContaining('cannot%20be%20decoded'),
  });
  expect(lines.map(({ level, code }) => [level, code])).toEqual([['debug', 'invalid_argument']]);
});

test('and in gRPC-web', async () => {
  const { url, lines } = await serveRpcs();
  const body = inEnvelope(NO_PROTOBUF);
  const { status, text } = await post(`${url}${LIST_TASKS}`, 'application/grpc-web+proto', body);
  expect([status, text]).toEqual([200, expect.stringContaining('grpc-status: 3\r\n')]);
  expect(lines.map(({ level }) => level)).toEqual(['debug']);
});

test('and in a stream of Connect', async () => {
  const { url, lines } = await serveRpcs();
  const body = inEnvelope(NO_PROTOBUF);
  const { status, text } = await post(`${url}${WATCH}`, 'application/connect+proto', body);
  expect(status).toBe(200);
  expect(JSON.parse(text.slice(5))).toMatchObject({ error: { code: 'invalid_argument' } });
  expect(lines.map(({ level }) => level)).toEqual(['debug']);
});

test('an error does not quote all of a body that is wrong', async () => {
  const { url } = await serveRpcs();
  const body = JSON.stringify({ pageSize: 'x'.repeat(500_000) });
  const { status, text } = await post(`${url}${LIST_TASKS}`, 'application/json', body);
  expect(status).toBe(400);
  expect(text.length).toBeLessThan(1_000);
});

test.each<[string, (baseUrl: string) => Transport]>([
  ['gRPC', (baseUrl) => createGrpcTransport({ baseUrl })],
  ['gRPC-web', (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: '1.1' })],
  ['Connect', (baseUrl) => createConnectTransport({ baseUrl, httpVersion: '1.1' })],
])('an RPC that does not exist is unimplemented for a client of %s', async (_name, transport) => {
  const { url } = await serveRpcs();
  const failed = await createClient(Exports, transport(url))
    .listExports({})
    .catch(ConnectError.from);
  expect(failed).toMatchObject({ code: Code.Unimplemented });
});

test('a content type that no RPC has is refused before Connect remembers it', async () => {
  const { url, lines } = await serveRpcs();
  for (const type of ['text/plain', 'application/json; x=1', `application/${'x'.repeat(9_000)}`]) {
    expect((await post(`${url}${LIST_TASKS}`, type, '{}')).status).toBe(415);
  }
  for (const type of ['application/json', 'application/json; charset=utf-8', 'Application/JSON']) {
    expect((await post(`${url}${LIST_TASKS}`, type, '{}')).status).toBe(200);
  }
  expect(lines).toHaveLength(3);
});

test.each<[string, Record<string, string>, number]>([
  ['a program', {}, 200],
  ['a page of its own', { 'sec-fetch-site': 'same-origin' }, 200],
  ['a page of another site', { 'sec-fetch-site': 'cross-site' }, 403],
  ['a page of another port', { 'sec-fetch-site': 'same-site' }, 403],
  ['an old browser, for another site', { origin: 'https://evil.example' }, 403],
  ['a sandboxed page', { origin: 'null' }, 403],
])(
  'without authentication, a call from %s is judged by where it says it is from',
  async (_who, headers, status) => {
    const { url } = await serveRpcs();
    const response = await fetch(`${url}${LIST_TASKS}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: '{}',
    });
    expect(response.status).toBe(status);
  },
);
