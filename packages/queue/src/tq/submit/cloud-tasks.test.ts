import { createRemoteJWKSet, jwtVerify } from 'jose';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openTestPglite } from '../../../../../test/support/databases/databases.ts';
import {
  type GoogleAnswer,
  GoogleServices,
} from '../../../../../test/support/network/google-services.ts';
import {
  openCloudTasks,
  PLACE,
  QUEUE,
  queueRequest,
  startPushTarget,
  withCloudTasks,
} from '../../../../../test/support/tq/cloud-tasks-world.ts';
import { openTqWorld } from '../../../../../test/support/tq/tq-world.ts';
import { CloudTasksSubmitter } from './cloud-tasks.ts';

const never = new AbortController().signal;

async function openScripted() {
  const services = await GoogleServices.start();
  const submitter = await CloudTasksSubmitter.open({ emulatorHost: services.host });
  onTestFinished(() => submitter.close());
  return { services, submitter };
}

withCloudTasks(() => {
  test('a push arrives with its headers and body', async () => {
    const { submitter } = await openCloudTasks();
    const { origin, nextPush } = await startPushTarget();
    const request = queueRequest({
      url: `${origin}/internal/tasks/t/mail/title`,
      headers: { 'Content-Type': 'application/json', 'X-Luci-Tq-Expected-ETA': '1.5' },
      name: 'a1',
    });
    expect(await submitter.submit(request, never)).toBe('submitted');
    expect(await nextPush()).toMatchObject({
      method: 'POST',
      url: '/internal/tasks/t/mail/title',
      headers: {
        'content-type': 'application/json',
        'x-luci-tq-expected-eta': '1.5',
        'x-cloudtasks-queuename': 'post',
        'x-cloudtasks-taskname': 'a1',
        'x-cloudtasks-taskexecutioncount': '0',
      },
      body: '{"class":"mail","body":{"to":"a"}}',
    });
  });

  test('a custom request arrives with its method and URI, and without a body', async () => {
    const { submitter } = await openCloudTasks();
    const { origin, nextPush } = await startPushTarget();
    const body = new Uint8Array();
    await submitter.submit(queueRequest({ url: `${origin}/x?y=1`, method: 'GET', body }), never);
    expect(await nextPush()).toMatchObject({ method: 'GET', url: '/x?y=1', body: '' });
  });

  test('a push carries a token of its account and audience that can be verified', async () => {
    const { emulator, submitter } = await openCloudTasks();
    const { origin, nextPush } = await startPushTarget();
    const pushAs = { email: 'pusher@example.com', audience: 'https://postlude.example.com' };
    await submitter.submit(queueRequest({ url: origin, pushAs }), never);
    const { headers } = await nextPush();
    const token = headers.authorization?.replace('Bearer ', '') ?? '';
    const keys = createRemoteJWKSet(new URL(`${emulator.issuer}/jwks`));
    const { payload } = await jwtVerify(token, keys, {
      issuer: emulator.issuer,
      audience: pushAs.audience,
      algorithms: ['RS256'],
    });
    expect(payload).toMatchObject({ email: pushAs.email, email_verified: true });
  });

  test('the second task of one name is a duplicate', async () => {
    const { submitter } = await openCloudTasks();
    const { origin, nextPush } = await startPushTarget();
    const request = queueRequest({ url: origin, name: 'once' });
    expect(await submitter.submit(request, never)).toBe('submitted');
    await nextPush();
    expect(await submitter.submit(request, never)).toBe('duplicate');
    expect(await submitter.submit({ ...request, name: 'other' }, never)).toBe('submitted');
    expect((await nextPush()).headers['x-cloudtasks-taskname']).toBe('other');
  });

  test('a push is repeated after status 5xx or 429', async () => {
    const { submitter } = await openCloudTasks();
    const { origin, nextPush } = await startPushTarget([500, 429]);
    await submitter.submit(queueRequest({ url: origin }), never);
    const pushes = [await nextPush(), await nextPush(), await nextPush()];
    const counts = pushes.map(({ headers }) => headers['x-cloudtasks-taskexecutioncount']);
    expect(counts).toEqual(['0', '1', '2']);
  });

  test('a queue that does not exist is a fatal error that says how to create it', async () => {
    const { submitter } = await openCloudTasks();
    const queue = 'projects/p/locations/l/queues/other';
    await expect(submitter.submit(queueRequest({ queue }), never)).rejects.toMatchObject({
      isTransient: false,
      code: 'not-found',
      message: expect.stringContaining('gcloud tasks queues create other --project=p --location=l'),
    });
    await expect(submitter.checkQueue(queue, never)).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('gcloud tasks queues create other --project=p --location=l'),
    });
    await submitter.checkQueue(QUEUE, never);
  });

  test('a task is pushed after its commit, under the name of its reminder', async () => {
    const { submitter } = await openCloudTasks();
    const { origin, nextPush } = await startPushTarget();
    const settings = { ...PLACE, defaultTargetHost: origin };
    const { send, reminders, dead } = openTqWorld(await openTestPglite(), { submitter, settings });
    await send('a');
    expect(await reminders()).toEqual([]);
    const push = await nextPush();
    expect(JSON.parse(push.body)).toEqual({ class: 'mail', body: { to: 'a' } });
    expect(push.headers['x-cloudtasks-taskname']).toMatch(/^[0-9a-f]{32}$/);
    expect(await dead()).toEqual([]);
  });

  test('a task for a queue that does not exist leaves a dead reminder with that reason', async () => {
    const { submitter } = await openCloudTasks();
    const settings = { ...PLACE, region: 'elsewhere' };
    const world = openTqWorld(await openTestPglite(), { submitter, settings });
    await world.send('a');
    expect(await world.reminders()).toEqual([]);
    expect(await world.dead()).toMatchObject([
      { classId: 'mail', reason: expect.stringContaining('gcloud tasks queues create post') },
    ]);
  });
});

test('creates the task with all its fields', async () => {
  const { services, submitter } = await openScripted();
  const request = queueRequest({
    name: 'a1',
    processAfter: Date.UTC(2026, 0, 2) + 123.456,
    pushAs: { email: 'pusher@example.com', audience: 'aud' },
  });
  await submitter.submit(request, never);
  expect(services.calls).toEqual([
    {
      method: 'CreateTask',
      request: {
        parent: QUEUE,
        task: {
          name: `${QUEUE}/tasks/a1`,
          scheduleTime: { seconds: String(Date.UTC(2026, 0, 2) / 1000), nanos: 123_456_000 },
          dispatchDeadline: { seconds: '600', nanos: 0 },
          httpRequest: {
            url: request.url,
            httpMethod: 'POST',
            headers: { 'Content-Type': 'application/json' },
            body: Buffer.from(request.body).toString('base64'),
            oidcToken: { serviceAccountEmail: 'pusher@example.com', audience: 'aud' },
          },
        },
      },
    },
  ]);
});

test.each<[GoogleAnswer, string, boolean]>([
  ['CANCELLED', 'cancelled', true],
  ['UNKNOWN', 'unknown', true],
  ['DEADLINE_EXCEEDED', 'deadline-exceeded', true],
  ['RESOURCE_EXHAUSTED', 'resource-exhausted', true],
  ['INTERNAL', 'internal', true],
  ['UNAVAILABLE', 'unavailable', true],
  ['INVALID_ARGUMENT', 'invalid-argument', false],
  ['NOT_FOUND', 'not-found', false],
  ['PERMISSION_DENIED', 'permission-denied', false],
  ['FAILED_PRECONDITION', 'failed-precondition', false],
  ['UNIMPLEMENTED', 'unimplemented', false],
  ['UNAUTHENTICATED', 'unauthenticated', false],
])('%s becomes the error %s, transient: %s, after one call', async (answer, code, isTransient) => {
  const { services, submitter } = await openScripted();
  services.answer = answer;
  const submitted = submitter.submit(queueRequest(), never);
  await expect(submitted).rejects.toMatchObject({
    name: 'SubmitError',
    code,
    isTransient,
    message: expect.stringContaining(`it is ${answer}`),
    cause: expect.any(Error),
  });
  expect(services.calls).toHaveLength(1);
});

test('the signal ends a call', async () => {
  const { services, submitter } = await openScripted();
  services.answer = 'silence';
  const abort = new AbortController();
  const submitted = submitter.submit(queueRequest(), abort.signal);
  await services.called.next();
  abort.abort();
  await expect(submitted).rejects.toMatchObject({ code: 'cancelled', isTransient: true });
  expect(await services.cancelled.next()).toBe('CreateTask');
});

test('a queue that cannot be looked up now is not reported as missing', async () => {
  const { services, submitter } = await openScripted();
  services.answer = 'UNAVAILABLE';
  await expect(submitter.checkQueue(QUEUE, never)).rejects.toMatchObject({ code: 'unavailable' });
  expect(services.calls).toEqual([{ method: 'GetQueue', request: { name: QUEUE } }]);
});

test('missing credentials are a transient error, and do not end the process', async () => {
  vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', '/there/is/none.json');
  onTestFinished(() => void vi.unstubAllEnvs());
  const submitter = await CloudTasksSubmitter.open();
  await expect(submitter.submit(queueRequest(), never)).rejects.toMatchObject({
    isTransient: true,
    code: 'unknown',
    message: expect.stringContaining('/there/is/none.json'),
  });
});

test('a request that Cloud Tasks cannot take is refused without a call', async () => {
  const { services, submitter } = await openScripted();
  const brew = submitter.submit(queueRequest({ method: 'BREW' }), never);
  await expect(brew).rejects.toMatchObject({ isTransient: false, code: 'invalid-argument' });
  const topic = { kind: 'topic', classId: 'n', topic: 't', data: new Uint8Array() } as const;
  const published = submitter.submit({ ...topic, attributes: {} }, never);
  await expect(published).rejects.toMatchObject({ isTransient: false, code: 'unimplemented' });
  expect(services.calls).toEqual([]);
});

test.each([14_999, 1_800_001, Number.NaN])('refuses a deadline of %d ms', async (ms) => {
  const opened = CloudTasksSubmitter.open({ dispatchDeadlineMs: ms });
  await expect(opened).rejects.toThrow('15 s to 30 min');
});
