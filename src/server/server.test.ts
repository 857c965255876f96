import { stat, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { Code, type Transport } from '@connectrpc/connect';
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from '@connectrpc/connect-node';
import { type Clock, silentLog, systemClock } from '@postlude/queue/foundations';
import type { Database, Notifications } from '@postlude/queue/storage';
import { describe, expect, test } from 'vitest';
import {
  openTestPglite,
  openTestPostgres,
  testPostgresUrl,
  testSchema,
} from '../../test/support/databases/databases.ts';
import { OidcIssuerServer } from '../../test/support/network/oidc-issuer.ts';
import {
  createInvocation,
  getPage,
  recordSpans,
  startTestServer,
  temporaryFolder,
  untilFinalized,
} from '../../test/support/server/server-world.ts';
import { Signal } from '../../test/support/signal.ts';
import { Invocation_State } from '../gen/luci/resultdb/v1/invocation_pb.js';
import { TestStatus } from '../gen/luci/resultdb/v1/test_result_pb.js';
import { startServer } from './server.ts';
import { jsonLog } from './telemetry/json-log.ts';

test('records a run, finalizes it, and tells those who watch', async () => {
  const started = await startTestServer();
  const { recorder, resultDb, invocations } = started;
  const shard = await createInvocation(started, 'shard');
  const run = await createInvocation(started, 'run');
  await recorder.updateIncludedInvocations(
    { includingInvocation: 'invocations/run', addInvocations: ['invocations/shard'] },
    run,
  );
  await recorder.batchCreateTestResults(
    {
      invocation: 'invocations/shard',
      requests: ['a', 'b'].map((testId) => ({
        testResult: { testId, resultId: '1', expected: true, status: TestStatus.PASS },
      })),
    },
    shard,
  );
  await recorder.finalizeInvocation({ name: 'invocations/run' }, run);
  const { explanation } = await invocations.explainInvocation({ name: 'invocations/run' });
  expect(explanation?.chain.at(-1)?.name).toBe('invocations/shard');

  const over = untilFinalized(started, 'invocations/run');
  await recorder.finalizeInvocation({ name: 'invocations/shard' }, shard);
  await over;
  const { testResults } = await resultDb.queryTestResults({ invocations: ['invocations/run'] });
  expect(testResults.map(({ testId }) => testId)).toEqual(['a', 'b']);
});

test('dates what it keeps by the database’s clock, however wrong its machine’s is', async () => {
  const HOUR_MS = 3_600_000;
  const database = await openTestPglite();
  for (const [name, offsetMs] of Object.entries({ ahead: HOUR_MS, behind: -HOUR_MS })) {
    const clock: Clock = { ...systemClock, now: () => systemClock.now() + offsetMs };
    const started = await startTestServer({}, { database, clock });
    const before = await database.serverTime();
    await createInvocation(started, name);
    const invocation = await started.resultDb.getInvocation({ name: `invocations/${name}` });
    const createTime = Number(invocation.createTime?.seconds) * 1_000;
    expect(createTime).toBeGreaterThan(before - 2_000);
    expect(createTime).toBeLessThan((await database.serverTime()) + 2_000);
  }
});

test('exports a finalized invocation and its row into Parquet files', async () => {
  const exported = new Signal<{ readonly message: string; readonly location: string }>();
  const log = jsonLog('info', {
    write: (line) => {
      const entry = JSON.parse(line) as { message: string; location: string };
      if (entry.message === 'exported') exported.emit(entry);
    },
  });
  const started = await startTestServer({ invocationRows: 'ci.d.runs' }, { log });
  const token = await createInvocation(started, 'inv', {
    bigqueryExports: [{ project: 'ci', dataset: 'd', table: 't', testResults: {} }],
  });
  await started.recorder.finalizeInvocation({ name: 'invocations/inv' }, token);
  const locations = [(await exported.next()).location, (await exported.next()).location];
  const { exportDir } = started.config;
  expect(locations.map((location) => relative(exportDir, location)).sort()).toEqual([
    join('ci.d.runs', 'inv-invocation.parquet'),
    join('ci.d.t', 'inv-0.parquet'),
  ]);
  for (const location of locations) expect((await stat(location)).size).toBeGreaterThan(0);
});

const TRANSPORTS: readonly [string, (baseUrl: string) => Transport][] = [
  ['gRPC', (baseUrl) => createGrpcTransport({ baseUrl })],
  ['gRPC-web', (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: '1.1' })],
  ['Connect', (baseUrl) => createConnectTransport({ baseUrl, httpVersion: '1.1' })],
];

describe.each(TRANSPORTS)('over %s', (_name, transport) => {
  test('an update token comes in a header, and counts when it is sent back', async () => {
    const { server, clients } = await startTestServer();
    const client = clients(transport(server.url));
    const token = await createInvocation(client, 'inv');
    await expect(
      client.recorder.finalizeInvocation({ name: 'invocations/inv' }),
    ).rejects.toMatchObject({ code: Code.Unauthenticated });
    const finalizing = await client.recorder.finalizeInvocation({ name: 'invocations/inv' }, token);
    expect(finalizing.state).not.toBe(Invocation_State.ACTIVE);
  });
});

test('speaks plain JSON', async () => {
  const { server } = await startTestServer();
  const response = await fetch(`${server.url}/luci.resultdb.v1.Recorder/CreateInvocation`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ invocationId: 'inv', invocation: { realm: 'ci:main' } }),
  });
  expect(await response.json()).toMatchObject({ name: 'invocations/inv', state: 'ACTIVE' });
  expect(response.headers.get('update-token')).toMatch(/^[\w-]{80,}$/);
});

test('with an issuer, callers may do what their realms grant', async () => {
  const issuer = await OidcIssuerServer.start();
  const cwd = await temporaryFolder();
  await writeFile(join(cwd, 'realms.yaml'), "ci:main: {writer: ['user:a@example.com']}");
  const { recorder } = await startTestServer({
    oidcIssuer: issuer.url,
    oidcAudiences: 'postlude',
    realmsFile: join(cwd, 'realms.yaml'),
  });
  const createAs = async (claims: Readonly<Record<string, unknown>>, invocationId = 'u-inv') => {
    const authorization = await issuer.bearer(systemClock.now(), { claims });
    return await recorder.createInvocation(
      { invocationId, invocation: { realm: 'ci:main' } },
      { headers: { authorization } },
    );
  };
  const denied = { code: Code.PermissionDenied };
  await expect(
    recorder.createInvocation({ invocationId: 'u-inv', invocation: { realm: 'ci:main' } }),
  ).rejects.toMatchObject(denied);
  await expect(createAs({ email: 'b@example.com' })).rejects.toMatchObject(denied);
  await expect(createAs({}, 'reserved')).rejects.toMatchObject(denied);
  await expect(createAs({ aud: 'elsewhere' })).rejects.toMatchObject({
    code: Code.Unauthenticated,
  });
  expect((await createAs({})).createdBy).toBe('user:a@example.com');
});

test('is ready, and tells its metrics', async () => {
  const { server, tasks } = await startTestServer();
  await tasks.listTasks({});
  expect(await getPage(`${server.url}/readyz`)).toEqual([200, 'ready\n']);
  const [, metrics] = await getPage(`${server.url}/metrics`);
  expect(metrics).toContain('postlude_task_due{type="finalize"} 0');
  expect(metrics).toContain('postlude_rpc_duration_count{method="postlude.v1.Tasks/ListTasks"');
});

test('an attempt at a task is a span', async () => {
  const { spans, tracesTo } = recordSpans();
  const started = await startTestServer({}, { tracesTo });
  const token = await createInvocation(started, 'inv');
  await started.recorder.finalizeInvocation({ name: 'invocations/inv' }, token);
  await untilFinalized(started, 'invocations/inv');
  await started.server.close();
  expect(spans.map(({ name }) => name)).toContain('task finalize');
});

test('keeps data and update tokens over a restart', async () => {
  const folder = await temporaryFolder();
  const flags = { database: `pglite:${join(folder, 'data')}` };
  const first = await startTestServer(flags);
  const token = await createInvocation(first, 'inv');
  await first.server.close();
  const second = await startTestServer(flags);
  await second.recorder.finalizeInvocation({ name: 'invocations/inv' }, token);
  await untilFinalized(second, 'invocations/inv');
});

test('update tokens hold when secrets are configured, and the first of those signs from then on', async () => {
  const database = await openTestPglite();
  const before = await startTestServer({}, { database });
  const token = await createInvocation(before, 'inv');
  await before.server.close();
  const folder = await temporaryFolder();
  const file = (name: string) => join(folder, name);
  await writeFile(file('one'), 'a-secret-of-enough-letters\n', { mode: 0o600 });
  await writeFile(file('other'), 'another-one-of-enough-letters\n', { mode: 0o600 });
  const add = { includingInvocation: 'invocations/inv' };

  const after = await startTestServer({ tokenSecretsFile: file('one') }, { database });
  await after.recorder.updateIncludedInvocations(add, token);
  const signed = await createInvocation(after, 'later');
  await after.server.close();

  const other = await startTestServer({ tokenSecretsFile: file('other') }, { database });
  await other.recorder.updateIncludedInvocations(add, token);
  const refused = { includingInvocation: 'invocations/later' };
  await expect(other.recorder.updateIncludedInvocations(refused, signed)).rejects.toMatchObject({
    code: Code.PermissionDenied,
  });
});

test('refuses a folder that another server has open', async () => {
  const { config } = await startTestServer({ database: 'pglite:data' });
  await expect(startServer(config, { log: silentLog })).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('in use'),
  });
});

test('refuses an address that is taken, and leaves the database to others', async () => {
  const { server } = await startTestServer();
  const { host } = new URL(server.url);
  const database = await openTestPglite();
  await expect(startTestServer({ listen: host }, { database })).rejects.toThrow('EADDRINUSE');
  await startTestServer({}, { database });
});

function withNotifications(database: Database, notifications: Notifications): Database {
  return new Proxy(database, {
    get: (target, key) => {
      if (key === 'notifications') return notifications;
      const value = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

test('a start that fails says why, and releases all that was open, whatever fails in that', async () => {
  const { server } = await startTestServer();
  const database = await openTestPglite();
  const listening = new Set<string>();
  const notifications: Notifications = {
    notify: async () => undefined,
    listen: async (channel) => {
      listening.add(channel);
      return async () => {
        listening.delete(channel);
        throw new Error('cannot stop listening');
      };
    },
  };
  const { host } = new URL(server.url);
  const options = { database: withNotifications(database, notifications) };
  await expect(startTestServer({ listen: host }, options)).rejects.toThrow('EADDRINUSE');
  expect(listening).toEqual(new Set());
});

test('migrates an embedded database by itself, unless it is told not to', async () => {
  await expect(
    startTestServer({ database: 'memory:', autoMigrate: 'false' }),
  ).rejects.toMatchObject({
    code: 'schema-too-old',
  });
  await startTestServer({ database: 'memory:' });
});

test('a stop ends streams with a code to try again, and finishes running requests', async () => {
  const lines: string[] = [];
  const log = jsonLog('info', { write: (line) => lines.push(line) });
  const started = await startTestServer({}, { log });
  await createInvocation(started, 'inv');
  const stream = started.invocations.watchInvocation({ name: 'invocations/inv' });
  const read = async (): Promise<void> => {
    for await (const _ of stream) void started.server.close();
  };
  await expect(read()).rejects.toMatchObject({ code: Code.Unavailable });
  await started.server.close();
  await expect(fetch(started.server.url)).rejects.toThrow();
  expect(lines.join('')).toContain('"message":"stopped"');
});

test.runIf(testPostgresUrl() !== '')('two servers share one PostgreSQL database', async () => {
  const schema = testSchema();
  const first = await startTestServer({}, { database: await openTestPostgres({ schema }) });
  const second = await startTestServer({}, { database: await openTestPostgres({ schema }) });
  const token = await createInvocation(first, 'inv');
  const over = untilFinalized(first, 'invocations/inv');
  await second.recorder.finalizeInvocation({ name: 'invocations/inv' }, token);
  await over;
});
