import { gzipSync } from 'node:zlib';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { AnySchema, anyUnpack } from '@bufbuild/protobuf/wkt';
import { CodedError } from '@postlude/queue/foundations';
import { expect, test } from 'vitest';
import { type Behaviour, LIST_TASKS, serveRpcs } from '../../../test/support/server/rpc-server.ts';
import { openTestAdmission } from '../../../test/support/server/test-admission.ts';
import { RetryInfoSchema } from '../../gen/google/rpc/error_details_pb.js';
import { ErrorDetailsSchema } from '../../gen/luci/prpc/details_pb.js';
import { ListTasksRequestSchema, ListTasksResponseSchema } from '../../gen/postlude/v1/tasks_pb.js';
import { byClass } from '../admission/method-class.ts';

const BINARY = 'application/prpc; encoding=binary';
const JSON_TYPE = 'application/json';
const TEXT = 'application/prpc; encoding=text';
const REQUEST = Buffer.from(
  toBinary(ListTasksRequestSchema, create(ListTasksRequestSchema, { type: 'x' })),
);
const ANSWER = 'anonymous:anonymous asked for x';
const JSON_ANSWER = `)]}'\n{"nextPageToken":"${ANSWER}"}\n`;

type Body = NonNullable<RequestInit['body']>;

interface Posted {
  readonly path?: string;
  readonly body?: Body;
  readonly headers?: Record<string, string>;
}

/** Sends nothing about compression, unless a test does. */
async function post(url: string, { path = LIST_TASKS, body = REQUEST, headers = {} }: Posted = {}) {
  const all = { 'accept-encoding': 'identity', ...headers };
  const response = await fetch(`${url}/prpc${path}`, { method: 'POST', body, headers: all });
  const bytes = Buffer.from(await response.arrayBuffer());
  return {
    status: response.status,
    code: response.headers.get('x-prpc-grpc-code'),
    header: (name: string) => response.headers.get(name),
    bytes,
    text: bytes.toString(),
  };
}

const inJson = (json: string, headers: Record<string, string> = {}): Posted => ({
  body: json,
  headers: { 'content-type': JSON_TYPE, accept: JSON_TYPE, ...headers },
});

test('a message is binary unless its headers say otherwise', async () => {
  const { url, lines } = await serveRpcs();
  const { bytes, ...answer } = await post(url);
  expect(answer).toMatchObject({ status: 200, code: '0' });
  expect(fromBinary(ListTasksResponseSchema, bytes).nextPageToken).toBe(ANSWER);
  expect(answer.header('content-type')).toBe(BINARY);
  expect(answer.header('x-content-type-options')).toBe('nosniff');
  expect(lines.at(-1)).toMatchObject({ method: LIST_TASKS.slice(1), code: 'ok' });
});

const REQUESTS: readonly [string, Body][] = [
  ['', REQUEST],
  ['*/*', REQUEST],
  ['application/prpc', REQUEST],
  [BINARY, REQUEST],
  ['Application/PRPC;encoding="binary"', REQUEST],
  [JSON_TYPE, '{"type": "x"}'],
  ['application/json; charset=utf-8', '{"type": "x", "nobodyKnows": [1, {"this": 2}]}'],
  ['application/prpc; encoding=json', '{"type": "x"}'],
  [TEXT, 'type: "x"  # a comment'],
];

test.each(REQUESTS)('reads requests with the content type "%s"', async (type, body) => {
  const { url } = await serveRpcs();
  const headers = { ...(type === '' ? {} : { 'content-type': type }), accept: JSON_TYPE };
  const blob = type === '' ? body : Buffer.from(body as string);
  const { code, text } = await post(url, { body: blob, headers });
  expect([code, text]).toEqual(['0', JSON_ANSWER]);
});

const ACCEPTED: readonly [string, string][] = [
  ['*/*', BINARY],
  [JSON_TYPE, JSON_TYPE],
  ['application/prpc; encoding=json', JSON_TYPE],
  [TEXT, TEXT],
  [`${JSON_TYPE}, ${BINARY}`, BINARY],
  [`${JSON_TYPE}; q=0.9, ${TEXT}; q=0.8, image/png`, JSON_TYPE],
  [`${BINARY}; q=0, ${TEXT};q=1.0`, TEXT],
];

test.each(ACCEPTED)('responds to "Accept: %s" with %s', async (accept, type) => {
  const { url } = await serveRpcs();
  const { code, header, text } = await post(url, { headers: { accept } });
  expect([code, header('content-type')]).toEqual(['0', type]);
  if (type === TEXT) expect(text).toBe(`next_page_token: "${ANSWER}"\n`);
});

const REFUSED: readonly [string, Record<string, string>, number, RegExp][] = [
  ['a content type', { 'content-type': 'text/html' }, 415, /^bad Content-Type header: /],
  ['a content type of gRPC', { 'content-type': 'application/grpc' }, 415, /^bad Content-Type/],
  ['an encoding', { 'content-type': 'application/prpc; encoding=xml' }, 415, /^bad Content-Type/],
  ['a parameter', { 'content-type': `${BINARY}; a=b` }, 415, /^bad Content-Type/],
  ['what is accepted', { accept: 'text/html, image/*' }, 406, /^bad Accept header: .*supported/],
  ['a quality', { accept: 'application/json; q=high' }, 400, /^bad Accept header: q parameter/],
  ['a compression', { 'content-encoding': 'zstd' }, 415, /^bad Content-Encoding header/],
  ['a time', { 'x-prpc-grpc-timeout': '5' }, 400, /^bad request headers: "X-Prpc-Grpc-Timeout"/],
  ['a unit', { 'x-prpc-grpc-timeout': '5D' }, 400, /^bad request headers/],
  ['a size', { 'x-prpc-max-response-size': '1KB' }, 400, /^bad X-Prpc-Max-Response-Size value/],
  ['no size', { 'x-prpc-max-response-size': '0' }, 400, /must be a positive number/],
  ['metadata', { 'a-bin': 'no base64!' }, 400, /^bad request headers: .*"a-bin"/],
];

test.each(REFUSED)('refuses %s that it does not know', async (_, headers, status, problem) => {
  const { url, lines } = await serveRpcs();
  const answer = await post(url, { headers });
  expect(answer).toMatchObject({ status, code: '3' });
  expect(answer.text).toMatch(problem);
  expect(answer.text.endsWith('\n')).toBe(true);
  expect(answer.header('content-type')).toBe('text/plain; charset=utf-8');
  expect(lines.at(-1)).toMatchObject({ level: 'debug', code: 'invalid_argument' });
});

const DAMAGED: readonly [string, string, Body][] = [
  ['binary', BINARY, Buffer.from([0x0a, 9, 0x61])],
  ['JSON', JSON_TYPE, '{"type": "x"'],
  ['JSON of another type', JSON_TYPE, '{"type": {}}'],
  ['text', TEXT, 'type: "x'],
  ['text with a field that nobody knows', TEXT, 'kind: "x"'],
  ['UTF-8', JSON_TYPE, Buffer.from('{"type": "\xff"}', 'latin1')],
];

test.each(DAMAGED)('damaged %s is an invalid argument', async (_, type, body) => {
  const { url, lines } = await serveRpcs();
  const answer = await post(url, { body, headers: { 'content-type': type } });
  expect(answer).toMatchObject({ status: 400, code: '3' });
  expect(answer.text).toMatch(/could not decode body|cannot be decoded/);
  expect(lines.at(-1)).toMatchObject({ level: 'debug', code: 'invalid_argument' });
});

test('compresses in both directions, if asked to', async () => {
  const { url } = await serveRpcs();
  const long = JSON.stringify({ type: 'y'.repeat(5000) });
  const headers = { 'content-type': JSON_TYPE, 'content-encoding': 'gzip', accept: JSON_TYPE };
  const plain = await post(url, { body: gzipSync(long), headers });
  expect([plain.code, plain.header('content-encoding')]).toEqual(['0', null]);
  // fetch decompresses.
  const small = await post(url, { headers: { 'accept-encoding': 'gzip' } });
  const gzip = await post(url, inJson(long, { 'accept-encoding': 'br, gzip;q=0.5' }));
  expect([small, gzip].map(({ header }) => header('content-encoding'))).toEqual([null, 'gzip']);
  expect(gzip.text).toBe(plain.text);
  const none = await post(url, inJson(long, { 'accept-encoding': 'gzip;q=0' }));
  expect(none.header('content-encoding')).toBe(null);
});

test('a request that ends within its compression is refused', async () => {
  const { url } = await serveRpcs();
  const body = gzipSync(REQUEST).subarray(0, -8);
  const answer = await post(url, { body, headers: { 'content-encoding': 'gzip' } });
  expect(answer).toMatchObject({ status: 400, code: '3' });
});

test('a response that is larger than the caller accepts is withheld, and both sizes are told', async () => {
  const { url } = await serveRpcs();
  const headers = { 'x-prpc-max-response-size': '20' };
  const answer = await post(url, { headers });
  expect(answer).toMatchObject({ status: 503, code: '14' });
  expect(answer.text).toBe('prpc: the response size 33 exceeds the client limit 20\n');
  const detail = Buffer.from(answer.header('x-prpc-status-details-bin') ?? '', 'base64');
  expect(anyUnpack(fromBinary(AnySchema, detail), ErrorDetailsSchema)?.error).toMatchObject({
    case: 'responseTooBig',
    value: { responseSize: 33n, responseLimit: 20n },
  });
  const fits = await post(url, { headers: { 'x-prpc-max-response-size': '33' } });
  expect(fits.code).toBe('0');
});

test('a call that takes longer than its caller waits ends at that time', async () => {
  const listTasks: Behaviour['listTasks'] = ({ signal }) =>
    new Promise((_, reject) => {
      if (signal.aborted) reject(signal.reason);
      signal.addEventListener('abort', () => reject(signal.reason));
    });
  const { url, lines } = await serveRpcs({ listTasks });
  for (const timeout of ['1m', '900u', '0S', '-1H']) {
    const answer = await post(url, { headers: { 'x-prpc-grpc-timeout': timeout } });
    expect(answer).toMatchObject({ status: 504, code: '4' });
    expect(lines.at(-1)).toMatchObject({ code: 'deadline_exceeded' });
  }
});

test('a time that is longer than any timer does not pass at once', async () => {
  const { url } = await serveRpcs();
  for (const timeout of ['99999999H', '9999999999999999999H']) {
    expect((await post(url, { headers: { 'x-prpc-grpc-timeout': timeout } })).code).toBe('0');
  }
});

test('update tokens are headers in both directions', async () => {
  const { url } = await serveRpcs({
    listTasks: (context) => context.setHeader('update-token', context.updateTokens.join('|')),
  });
  const answer = await post(url, { headers: { 'Update-Token': 'one, two' } });
  expect(answer.header('update-token')).toBe('one|two');
});

test('an error has its code, its message and its HTTP status', async () => {
  const { url } = await serveRpcs({
    listTasks: () => {
      throw new CodedError('not-found', 'invocations/größer not found');
    },
  });
  const answer = await post(url);
  expect(answer).toMatchObject({ status: 404, code: '5', text: 'invocations/größer not found\n' });
  expect(answer.header('x-content-type-options')).toBe('nosniff');
});

test('a fault is told without details, which the log has', async () => {
  const { url, lines } = await serveRpcs({
    listTasks: () => {
      throw new TypeError('the password is hunter2');
    },
  });
  const answer = await post(url);
  expect(answer).toMatchObject({ status: 500, code: '13', text: 'internal error\n' });
  expect(lines.at(-1)).toMatchObject({ level: 'error', error: { type: 'TypeError' } });
});

test('a full disk is told by HTTP 507, and by its reason', async () => {
  const full = new CodedError('resource-exhausted', 'full', { reason: 'disk-full' });
  const { url } = await serveRpcs({ listTasks: () => Promise.reject(full) });
  const answer = await post(url);
  expect(answer).toMatchObject({ status: 507, code: '8' });
  expect(answer.header('error-reason')).toBe('disk-full');
});

test('passes the same gate as other calls, and is told when to try again', async () => {
  const limits = { waiting: byClass(() => 0) };
  const { admission } = openTestAdmission({ atOnce: 1, limits });
  const [entered, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const listTasks = (): Promise<void> => {
    entered.resolve();
    return held.promise;
  };
  const { url } = await serveRpcs({ listTasks }, { admission });
  const running = post(url);
  await entered.promise;
  const refused = await post(url);
  expect(refused).toMatchObject({ status: 429, code: '8' });
  expect(refused.header('retry-after')).toBe('1');
  const detail = Buffer.from(refused.header('x-prpc-status-details-bin') ?? '', 'base64');
  const { retryDelay } = anyUnpack(fromBinary(AnySchema, detail), RetryInfoSchema) ?? {};
  expect(retryDelay?.seconds).toBe(1n);
  const json = await post(url, inJson('{}'));
  const text = Buffer.from(json.header('x-prpc-status-details-bin') ?? '', 'base64').toString();
  expect(JSON.parse(text)).toEqual({
    '@type': 'type.googleapis.com/google.rpc.RetryInfo',
    retryDelay: '1s',
  });
  held.resolve();
  expect((await running).code).toBe('0');
});

test('there are no streams, and no other methods than those of the server', async () => {
  const { url } = await serveRpcs();
  const missing = ['/postlude.v1.Invocations/WatchInvocation', '/postlude.v1.Tasks/No', '/a.B/C'];
  for (const path of [...missing, '/', '/postlude.v1.Tasks']) {
    const answer = await post(url, { path });
    expect([path, answer.status, answer.code]).toEqual([path, 501, '12']);
  }
});

test('only POST is a call', async () => {
  const { url } = await serveRpcs();
  const response = await fetch(`${url}/prpc${LIST_TASKS}`);
  expect([response.status, response.headers.get('allow')]).toEqual([405, 'OPTIONS, POST']);
});
