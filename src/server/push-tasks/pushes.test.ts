import { connect as connectHttp2 } from 'node:http2';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { type Clock, type Log, silentLog, systemClock } from '@postlude/queue/foundations';
import type { Database } from '@postlude/queue/storage';
import { FakeClock } from '@postlude/queue/testing';
import { listReminders, SubmitError, TaskClasses, Tq } from '@postlude/queue/tq';
import { expect, onTestFinished, test } from 'vitest';
import { openTestPglite } from '../../../test/support/databases/databases.ts';
import { newInvocation } from '../../../test/support/invocations/fixtures.ts';
import { freePort } from '../../../test/support/network/free-port.ts';
import { GoogleServices } from '../../../test/support/network/google-services.ts';
import {
  createInvocation,
  getPage,
  recordSpans,
  startTestServer,
  untilFinalized,
} from '../../../test/support/server/server-world.ts';
import { Signal } from '../../../test/support/signal.ts';
import { startCloudTasksEmulator } from '../../../test/support/tq/cloud-tasks-emulator.ts';
import { withCloudTasks } from '../../../test/support/tq/cloud-tasks-world.ts';
import { finalizationTasks, useFinalizationTq } from '../../finalizer/finalization-tasks.ts';
import { startFinalization } from '../../finalizer/schedule.ts';
import { parseInvocationId } from '../../invocations/id.ts';
import { insertInvocations } from '../../invocations/invocations.ts';

const EXPERIMENT = useFinalizationTq.name;
const CLOUD = { tqQueue: 'cloud-tasks', tqProject: 'p', tqRegion: 'l' };
/** Nothing is submitted there. */
const NOWHERE = { ...CLOUD, tqTargetHost: 'http://127.0.0.1:9', cloudTasksEmulator: '127.0.0.1:9' };
const PATH = '/internal/tasks/finalizer/try-finalize-inv/inv';
const TASK = '{"class":"try-finalize-inv","body":{"invocation_id":"inv"}}';

async function push(url: string, init: RequestInit = {}): Promise<readonly [number, string]> {
  const headers = { 'content-type': 'application/json', ...init.headers };
  const response = await fetch(url + PATH, { method: 'POST', body: TASK, ...init, headers });
  return [response.status, await response.text()];
}

async function pushOverHttp2(url: string): Promise<readonly [number, string]> {
  const session = connectHttp2(url);
  onTestFinished(() => void session.destroy());
  const stream = session.request({ ':path': PATH, ':method': 'POST' });
  stream.end(TASK);
  const status = new Promise<number>((resolve) =>
    stream.once('response', (headers) => resolve(Number(headers[':status']))),
  );
  return [await status, await text(stream)];
}

test('takes pushes of programs on this machine, over HTTP/1.1 and HTTP/2', async () => {
  const started = await startTestServer(NOWHERE);
  await createInvocation(started, 'inv');
  expect(await push(started.server.url)).toEqual([200, 'done\n']);
  expect(await pushOverHttp2(started.server.url)).toEqual([200, 'done\n']);
  const [, metrics] = await getPage(`${started.server.url}/metrics`);
  expect(metrics).toContain('postlude_tq_handled_total{class="try-finalize-inv",outcome="done"} 2');
});

test('a push is a span under the one that its task names', async () => {
  const { spans, tracesTo } = recordSpans();
  const started = await startTestServer(NOWHERE, { tracesTo });
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  const trace = { 'x-luci-tq-trace-context': `00-${traceId}-00f067aa0ba902b7-01` };
  await push(started.server.url, { headers: { ...trace, 'x-cloudtasks-taskname': 't1' } });
  await push(started.server.url, { body: 'no task', headers: trace });
  const [first, second] = spans.filter(({ name }) => name === 'push');
  expect(first).toMatchObject({
    parentSpanContext: { traceId, spanId: '00f067aa0ba902b7' },
    attributes: { 'postlude.push.task': 't1' },
  });
  expect(second).toMatchObject({
    status: { code: 2 },
    attributes: { 'postlude.push.outcome': 'bad-request' },
  });
});

test('without pushed tasks from elsewhere, there is nobody to push to', async () => {
  const { server } = await startTestServer();
  expect((await push(server.url))[0]).toBe(404);
});

test('with an account that pushes, a push without its token runs nothing', async () => {
  const { server } = await startTestServer({ ...NOWHERE, tqPushAs: 'tasks@example.org' });
  expect((await push(server.url))[0]).toBe(403);
  expect((await getPage(`${server.url}/metrics`))[1]).not.toContain('postlude_tq_handled_total{');
});

/** What a process leaves that could not reach its queue, and died. */
async function leaveReminder(db: Database): Promise<void> {
  const away = new SubmitError('away', { isTransient: true, code: 'unavailable' });
  const clock = new FakeClock();
  const classes = new TaskClasses([finalizationTasks]);
  const submitter = { submit: () => Promise.reject(away) };
  const tq = new Tq({ db, clock, classes, submitter });
  const notByTheQueue = () => Promise.reject(new Error('not by the queue'));
  const queue = { enqueue: notByTheQueue, replace: notByTheQueue };
  const pushed = { tq, experiments: { isEnabled: () => true } };
  const id = parseInvocationId('inv');
  await db.write((tx) => insertInvocations(tx, [newInvocation(id)]));
  await db.write((tx) => startFinalization({ clock, queue, pushed }, tx, { id }));
  await tq.idle();
}

test('finds what did not reach Cloud Tasks, though it goes by the database now', async () => {
  const database = await openTestPglite();
  await leaveReminder(database);
  const started = await startTestServer({}, { database });
  await untilFinalized(started, 'invocations/inv');
  expect((await started.pushTasks.listReminders({})).reminders).toEqual([]);
});

test('tells its log when it starts where its queue does not exist', async () => {
  const services = await GoogleServices.start();
  services.answer = 'NOT_FOUND';
  const told = new Signal<string>();
  const log: Log = { ...silentLog, error: (message) => told.emit(message), with: () => log };
  await startTestServer({ ...NOWHERE, cloudTasksEmulator: services.host }, { log });
  expect(await told.next()).toBe('pushed tasks have no queue');
});

test('leaves sweeps to others if so configured, and sweeps on request', async () => {
  const database = await openTestPglite();
  await leaveReminder(database);
  const started = await startTestServer({ tqSweepEvery: '0s' }, { database });
  const [, metrics] = await getPage(`${started.server.url}/metrics`);
  expect(metrics).toMatch(/postlude_tq_reminders_stale(\{\})? 1/);
  expect(metrics).toMatch(/postlude_tq_reminders_dead(\{\})? 0/);
  expect(await started.pushTasks.sweepReminders({})).toMatchObject({ submitted: 1n });
  await untilFinalized(started, 'invocations/inv');
});

/** Takes connections, and says nothing. */
async function startSilentServer(): Promise<{
  readonly host: string;
  readonly called: Signal<void>;
}> {
  const called = new Signal<void>();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => called.emit());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, called };
}

test('stops though Cloud Tasks does not answer, and leaves a reminder', async () => {
  const database = await openTestPglite();
  const silent = await startSilentServer();
  const flags = { ...NOWHERE, cloudTasksEmulator: silent.host, enableExperiment: EXPERIMENT };
  let isClosing = false;
  const clock: Clock = {
    ...systemClock,
    // Only the wait for submissions is cut short. A periodic job with a sleep that is none would spin.
    sleep: (ms, signal) =>
      isClosing && ms === 2_000 ? Promise.resolve() : systemClock.sleep(ms, signal),
  };
  const started = await startTestServer(flags, { database, clock });
  const token = await createInvocation(started, 'inv');
  await started.recorder.finalizeInvocation({ name: 'invocations/inv' }, token);
  await silent.called.next();
  isClosing = true;
  expect(await started.server.close()).toBe('orderly');
  const left = await database.read((tx) => listReminders(tx, { limit: 10 }));
  expect(left).toMatchObject([{ classId: 'try-finalize-inv' }]);
});

withCloudTasks(() => {
  test('finalizes a run by pushes of Cloud Tasks that carry its token', async () => {
    const emulator = await startCloudTasksEmulator(['projects/p/locations/l/queues/finalizer']);
    onTestFinished(() => emulator.stop());
    const host = `127.0.0.1:${await freePort()}`;
    const { spans, tracesTo } = recordSpans();
    const flags = {
      ...CLOUD,
      listen: host,
      tqTargetHost: `http://${host}`,
      enableExperiment: EXPERIMENT,
      cloudTasksEmulator: emulator.host,
      tqPushIssuer: emulator.issuer,
      tqPushAs: 'tasks@example.org',
    };
    const started = await startTestServer(flags, { tracesTo });
    const token = await createInvocation(started, 'inv');
    await started.recorder.finalizeInvocation({ name: 'invocations/inv' }, token);
    await untilFinalized(started, 'invocations/inv');
    expect((await push(started.server.url))[0]).toBe(403);
    await started.server.close();
    const call = spans.find(({ name }) => name.endsWith('/FinalizeInvocation'));
    expect(spans.find(({ name }) => name === 'push')).toMatchObject({
      parentSpanContext: { traceId: call?.spanContext().traceId },
      attributes: { 'postlude.push.queue': 'finalizer', 'postlude.push.outcome': 'done' },
    });
    expect(spans.map(({ name }) => name)).not.toContain('task tq');
  });
});
