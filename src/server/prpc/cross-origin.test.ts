import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { expect, test } from 'vitest';
import { LIST_TASKS, serveRpcs } from '../../../test/support/server/rpc-server.ts';

const CONSOLE = 'https://console.example';
const JSON_TYPE = { 'content-type': 'application/json' };

/** Sends what a browser would send for a page of `origin`. */
function fromPage(
  url: string,
  origin: string,
  { method = 'POST', headers = JSON_TYPE as object } = {},
) {
  const all = { origin, 'sec-fetch-site': 'cross-site', ...headers };
  return new Promise<{ status: number; headers: IncomingHttpHeaders }>((resolve, reject) => {
    const asked = httpRequest(`${url}/prpc${LIST_TASKS}`, { method, headers: all }, (response) => {
      response.resume();
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers }),
      );
    });
    asked.on('error', reject);
    asked.end(method === 'POST' ? '{}' : undefined);
  });
}

const shared = (headers: IncomingHttpHeaders): readonly string[] =>
  Object.keys(headers).filter((name) => name.startsWith('access-control-'));

test('by default, no page of another site may call, and none is told that it might', async () => {
  const { url } = await serveRpcs();
  for (const method of ['OPTIONS', 'POST']) {
    const { headers, status } = await fromPage(url, CONSOLE, { method });
    expect([status, shared(headers)]).toEqual([403, []]);
  }
});

test('a page of an allowed origin may ask, call and read', async () => {
  const { url } = await serveRpcs({}, { prpcOrigins: [CONSOLE] });
  const preflight = await fromPage(url, CONSOLE, { method: 'OPTIONS' });
  expect(preflight).toMatchObject({
    status: 200,
    headers: {
      'access-control-allow-origin': CONSOLE,
      'access-control-allow-credentials': 'true',
      'access-control-allow-headers': expect.stringContaining('Authorization, Update-Token'),
      'access-control-allow-methods': 'OPTIONS, POST',
      vary: 'Origin',
    },
  });
  const call = await fromPage(url, CONSOLE);
  expect(call).toMatchObject({
    status: 200,
    headers: {
      'access-control-allow-origin': CONSOLE,
      'access-control-expose-headers': expect.stringContaining('X-Prpc-Grpc-Code'),
      'x-prpc-grpc-code': '0',
    },
  });
  const other = await fromPage(url, 'https://other.example');
  expect([other.status, shared(other.headers)]).toEqual([403, []]);
});

test('the origins of pRPC open nothing else', async () => {
  const { url } = await serveRpcs({}, { prpcOrigins: ['*'] });
  const response = await fetch(url + LIST_TASKS, {
    method: 'POST',
    body: '{}',
    headers: { ...JSON_TYPE, origin: CONSOLE },
  });
  expect(response.status).toBe(403);
});

test('if any origin may call, none may use cookies', async () => {
  const { url } = await serveRpcs({}, { prpcOrigins: ['*'] });
  const { headers, status } = await fromPage(url, CONSOLE);
  expect([status, shared(headers)]).toEqual([
    200,
    ['access-control-allow-origin', 'access-control-expose-headers'],
  ]);
});
