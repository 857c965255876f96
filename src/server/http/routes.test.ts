import { request } from 'node:http';
import { noMetrics, silentLog, systemClock } from '@postlude/queue/foundations';
import { expect, onTestFinished, test } from 'vitest';
import { CrossOrigin } from '../prpc/cross-origin.ts';
import { OnePort } from './one-port.ts';
import { type RoutesOptions, routes } from './routes.ts';

async function serve(options: Partial<RoutesOptions> = {}): Promise<string> {
  const port = new OnePort({
    handle: routes({
      rpcs: () => false,
      artifacts: () => false,
      pushes: undefined,
      health: { notReadyBecause: async () => undefined },
      renderMetrics: async () => 'up 1\n',
      onlyLoopbackHosts: true,
      crossOrigin: new CrossOrigin([]),
      clock: systemClock,
      log: silentLog,
      ...options,
    }),
    maxConnections: 10,
    requestTimeoutMs: 60_000,
    clock: systemClock,
    log: silentLog,
    metrics: noMetrics,
  });
  const { port: number } = await port.listen({ host: '127.0.0.1', port: 0 });
  onTestFinished(async () => {
    const closed = port.close();
    port.destroy();
    await closed;
  });
  return `http://127.0.0.1:${number}`;
}

async function get(url: string, init?: RequestInit): Promise<readonly [number, string]> {
  const response = await fetch(url, init);
  return [response.status, await response.text()];
}

test('serves liveness, readiness and metrics', async () => {
  const url = await serve();
  expect(await get(`${url}/healthz`)).toEqual([200, 'ok\n']);
  expect(await get(`${url}/readyz?verbose`)).toEqual([200, 'ready\n']);
  expect(await get(`${url}/metrics`)).toEqual([200, 'up 1\n']);
  expect(await get(`${url}/metrics`, { method: 'HEAD' })).toEqual([200, '']);
});

test('says why it is not ready', async () => {
  const url = await serve({ health: { notReadyBecause: async () => 'the server is stopping' } });
  expect(await get(`${url}/readyz`)).toEqual([503, 'not ready: the server is stopping\n']);
  expect(await get(`${url}/healthz`)).toEqual([200, 'ok\n']);
});

test('knows no other paths, and no other methods', async () => {
  const url = await serve();
  expect((await get(`${url}/`))[0]).toBe(404);
  expect((await get(`${url}/healthz/x`))[0]).toBe(404);
  expect((await get(`${url}/metrics`, { method: 'POST' }))[0]).toBe(405);
});

test('a page that fails is an error of that request only', async () => {
  const url = await serve({ renderMetrics: () => Promise.reject(new Error('secret')) });
  expect(await get(`${url}/metrics`)).toEqual([500, 'internal error\n']);
  expect((await get(`${url}/healthz`))[0]).toBe(200);
});

function statusFor(url: string, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asked = request(`${url}/healthz`, { headers: { host } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asked.on('error', reject).end();
  });
}

test.each([
  ['localhost', 200],
  ['localhost:8010', 200],
  ['127.0.0.1', 200],
  ['[::1]:8010', 200],
  ['evil.example.com', 403],
  ['127.0.0.1.evil.example.com', 403],
])('without authentication, a request to the host %j is answered with %i', async (host, status) => {
  expect(await statusFor(await serve(), host)).toBe(status);
});

test('with authentication, any host will do', async () => {
  expect(await statusFor(await serve({ onlyLoopbackHosts: false }), 'ci.example.com')).toBe(200);
});
