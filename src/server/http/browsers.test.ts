/** What a page in a browser on this machine can do to a server without authentication, on every route. */
import { request as httpRequest } from 'node:http';
import { expect, test } from 'vitest';
import { startTestServer } from '../../../test/support/server/server-world.ts';
import { Recorder } from '../../gen/luci/resultdb/v1/recorder_pb.js';
import { ResultDB } from '../../gen/luci/resultdb/v1/resultdb_pb.js';
import { Exports } from '../../gen/postlude/v1/exports_pb.js';
import { Invocations } from '../../gen/postlude/v1/invocations_pb.js';
import { PushTasks } from '../../gen/postlude/v1/push_tasks_pb.js';
import { Tasks } from '../../gen/postlude/v1/tasks_pb.js';

const CALLS = [Recorder, ResultDB, Invocations, Exports, Tasks, PushTasks].flatMap(
  ({ methods, typeName }) =>
    methods.flatMap(({ name }) => [`/${typeName}/${name}`, `/prpc/${typeName}/${name}`]),
);
const PUSH = '/internal/tasks/finalizer/try-finalize-inv/inv';
const PAGES = ['/healthz', '/readyz', '/metrics', '/', '/nothing'];
const ROUTES = [...CALLS, PUSH, ...PAGES];
/** Pushes are taken, and nothing is submitted. */
const TAKES_PUSHES = {
  ...{ tqQueue: 'cloud-tasks', tqProject: 'p', tqRegion: 'l' },
  ...{ tqTargetHost: 'http://127.0.0.1:9', cloudTasksEmulator: '127.0.0.1:9' },
};

interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Told {
  readonly status: number;
  /** The names of headers that would let a page read the response. */
  readonly shared: readonly string[];
}

function ask(url: string, { method = 'POST', headers = {} }: Asked): Promise<Told> {
  return new Promise((resolve, reject) => {
    const asked = httpRequest(url, { method, headers }, (response) => {
      response.resume();
      const names = Object.keys(response.headers);
      const shared = names.filter((name) => /^access-control-|^cross-origin-/.test(name));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, shared }));
    });
    asked.on('error', reject);
    asked.end(method === 'POST' ? '{}' : undefined);
  });
}

/** Returns the routes whose status is another, or that share their response with the page. */
async function exceptions(asked: Asked, expected: (route: string) => readonly number[]) {
  const { server } = await startTestServer(TAKES_PUSHES);
  const wrong: string[] = [];
  for (const route of ROUTES) {
    const { shared, status } = await ask(server.url + route, asked);
    if (!expected(route).includes(status) || shared.length > 0) {
      wrong.push([route, status, ...shared].join(' '));
    }
  }
  return wrong;
}

const JSON_TYPE = { 'content-type': 'application/json' };

test.each<[string, Record<string, string>]>([
  ['a page of another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }],
  ['a page of another port of this machine', { 'sec-fetch-site': 'same-site' }],
  ['an old browser', { origin: 'http://localhost:3000' }],
  ['a sandboxed page', { origin: 'null' }],
  ['a page that forges what it can', { 'sec-fetch-site': 'cross-site', 'x-requested-with': 'x' }],
])('no route takes a POST of %s', async (_who, from) => {
  for (const type of [JSON_TYPE, { 'content-type': 'text/plain' }, {}]) {
    const asked = { headers: { ...type, ...from } };
    expect(await exceptions(asked, () => [403])).toEqual([]);
  }
});

test.each([
  'evil.example',
  'evil.example:8010',
  '127.0.0.1.evil.example',
  'localhost.evil.example',
])('no route serves a page under the name %s that resolves to this machine', async (host) => {
  // The page is of the same origin for the browser.
  const from = { host, origin: `http://${host}`, 'sec-fetch-site': 'same-origin', ...JSON_TYPE };
  expect(await exceptions({ headers: from }, () => [403])).toEqual([]);
  const read = { method: 'GET', headers: { host, 'sec-fetch-site': 'same-origin' } };
  expect(await exceptions(read, (route) => (route === PUSH ? [405] : [403]))).toEqual([]);
});

test('no route permits a page of another site by a preflight', async () => {
  const headers = {
    origin: 'https://evil.example',
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'content-type,update-token',
  };
  const asked = { method: 'OPTIONS', headers };
  expect(await exceptions(asked, (route) => (route === PUSH ? [405] : [403]))).toEqual([]);
});

test('a link or an image can only have a page rendered, which the other site cannot read', async () => {
  const asked = { method: 'GET', headers: { 'sec-fetch-site': 'cross-site' } };
  const expected = (route: string) => (PAGES.slice(0, 3).includes(route) ? [200] : [404, 405]);
  expect(await exceptions(asked, expected)).toEqual([]);
});

test('programs on this machine, which send neither header, may call every RPC', async () => {
  const expected = (route: string) =>
    CALLS.includes(route) || route === PUSH
      ? [200, 202, 204, 400, 401, 501, 404, 415, 501]
      : [404, 405];
  expect(await exceptions({ headers: JSON_TYPE }, expected)).toEqual([]);
});
