import { fromBinary } from '@bufbuild/protobuf';
import { Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from '@connectrpc/connect-node';
import { describe, expect, test } from 'vitest';
import { LIST_TASKS, serveRpcs } from '../../../test/support/server/rpc-server.ts';
import { openTestAdmission } from '../../../test/support/server/test-admission.ts';
import { RetryInfoSchema } from '../../gen/google/rpc/error_details_pb.js';
import { Invocations } from '../../gen/postlude/v1/invocations_pb.js';
import { Tasks } from '../../gen/postlude/v1/tasks_pb.js';
import type { CallContext } from '../../services/shared/call-context.ts';
import { presentCaller } from '../admission/caller-scope.ts';
import { byClass } from '../admission/method-class.ts';
import { ANONYMOUS } from './auth.ts';

const TRANSPORTS: readonly [string, (baseUrl: string) => Transport][] = [
  ['gRPC', (baseUrl) => createGrpcTransport({ baseUrl })],
  ['gRPC-web', (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: '1.1' })],
  ['Connect', (baseUrl) => createConnectTransport({ baseUrl, httpVersion: '1.1' })],
];

/** Serves a method whose calls last until the test ends them, and of which one may be in work. */
async function serveHeld({ waiting = 0 } = {}) {
  const { admission } = openTestAdmission({
    atOnce: 1,
    limits: { waiting: byClass(() => waiting) },
  });
  const first = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  let count = 0;
  const listTasks = async (): Promise<void> => {
    count += 1;
    first.resolve();
    await held.promise;
  };
  const served = await serveRpcs({ listTasks }, { admission });
  return { ...served, first: first.promise, count: () => count, release: () => held.resolve() };
}

describe.each(TRANSPORTS)('a stock client of %s', (_name, transport) => {
  test('is told when to try again', async () => {
    const { first, release, url } = await serveHeld();
    const client = createClient(Tasks, transport(url));
    const running = client.listTasks({});
    await first;
    const error = ConnectError.from(await client.listTasks({}).catch((thrown) => thrown));
    expect(error).toMatchObject({ code: Code.ResourceExhausted });
    expect(error.metadata.get('retry-after')).toBe('1');
    expect(retryDelay(error)).toEqual({ seconds: 1n, nanos: 0 });
    release();
    await running;
    await client.listTasks({});
  });

  test('waits for its turn', async () => {
    const { count, first, release, url } = await serveHeld({ waiting: 1 });
    const client = createClient(Tasks, transport(url));
    const running = client.listTasks({});
    await first;
    const waiting = client.listTasks({});
    await expect(fetch(`${url}/healthz`)).resolves.toMatchObject({ status: 200 });
    expect(count()).toBe(1);
    release();
    await Promise.all([running, waiting]);
    expect(count()).toBe(2);
  });
});

/** Reads a detail as clients of Google's APIs do. */
function retryDelay({ details }: ConnectError): unknown {
  const [detail] = details;
  if (!detail || !('value' in detail)) return undefined;
  const { retryDelay } = fromBinary(RetryInfoSchema, detail.value as Uint8Array);
  return { seconds: retryDelay?.seconds, nanos: retryDelay?.nanos };
}

test('plain HTTP is told when to try again, and is not kept from health and metrics', async () => {
  const { first, release, url, lines } = await serveHeld();
  const post = () =>
    fetch(url + LIST_TASKS, {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json' },
    });
  const running = post();
  await first;
  const refused = await post();
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
  expect(await refused.json()).toMatchObject({
    code: 'resource_exhausted',
    message: 'too many requests of this caller are waiting (0); try again in 1 s',
    details: [{ type: 'google.rpc.RetryInfo' }],
  });
  for (const path of ['/healthz', '/readyz', '/metrics']) {
    expect((await fetch(url + path)).status).toBe(200);
  }
  release();
  expect((await running).status).toBe(200);
  const levels = lines
    .filter(({ code }) => code === 'resource_exhausted')
    .map(({ level }) => level);
  expect(levels).toEqual(['debug']);
});

test('the work of a client that has left keeps its place until it ends', async () => {
  const limits = { waiting: byClass(() => 1) };
  const { admission } = openTestAdmission({ atOnce: 1, limits });
  const [left, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let count = 0;
  const watch = async function* ({ signal }: CallContext) {
    count += 1;
    signal.addEventListener('abort', () => left.resolve());
    yield;
    await held.promise;
  };
  const { url } = await serveRpcs({ watch }, { admission });
  const client = createClient(Invocations, createGrpcTransport({ baseUrl: url }));
  const leaving = new AbortController();
  const first = client.watchInvocation({}, { signal: leaving.signal })[Symbol.asyncIterator]();
  await first.next();
  const second = client.watchInvocation({})[Symbol.asyncIterator]();
  const waiting = second.next();
  leaving.abort();
  await left.promise;
  await expect(fetch(`${url}/healthz`)).resolves.toMatchObject({ status: 200 });
  expect(count).toBe(1);
  held.resolve();
  await waiting;
  expect(count).toBe(2);
});

test('what a call waits for knows its caller', async () => {
  const callers: (string | undefined)[] = [];
  const listTasks = async (): Promise<void> => {
    await new Promise(setImmediate);
    callers.push(presentCaller());
  };
  const authenticate = async (bearer: string | null): Promise<string> => bearer ?? ANONYMOUS;
  const { url } = await serveRpcs({ listTasks }, { authenticate });
  const client = createClient(Tasks, createConnectTransport({ baseUrl: url, httpVersion: '1.1' }));
  const names = ['user:alice@example.com', 'user:bob@example.com'];
  await Promise.all(
    names.map((authorization) => client.listTasks({}, { headers: { authorization } })),
  );
  await client.listTasks({});
  expect(callers.slice(0, 2).sort()).toEqual(names);
  expect(callers[2]).toMatch(/^address:/);
  expect(presentCaller()).toBeUndefined();
});

test('a client that leaves a stream is no error in the log', async () => {
  const held = Promise.withResolvers<void>();
  const watch = async function* () {
    yield;
    await held.promise;
  };
  const { lines, url } = await serveRpcs({ watch });
  const leaving = new AbortController();
  const client = createClient(Invocations, createGrpcTransport({ baseUrl: url }));
  const watching = client.watchInvocation({}, { signal: leaving.signal })[Symbol.asyncIterator]();
  await watching.next();
  leaving.abort();
  await expect(watching.next()).rejects.toThrow();
  while (lines.length === 0) await new Promise(setImmediate);
  expect(lines).toMatchObject([{ level: 'debug', code: 'canceled' }]);
  held.resolve();
});
