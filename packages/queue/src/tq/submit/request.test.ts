import { expect, test } from 'vitest';
import { z } from 'zod';
import { standardPayload } from '../../tasks/payload.ts';
import { decodeEnvelope } from '../classes/envelope.ts';
import { type NewPushTask, taskClass } from '../classes/task-class.ts';
import { checkSettings, prepareRequest, taskName } from './request.ts';
import type { QueueRequest } from './submitter.ts';

interface Mail {
  readonly to: string;
}

const payload = standardPayload(z.object({ to: z.string() }));
const mail = taskClass<Mail>({ id: 'mail', payload, kind: 'follows-context', queue: 'post' });
const notice = taskClass<Mail>({
  id: 'notice',
  payload,
  kind: 'follows-context',
  topic: 'notices',
});
const NOW = Date.UTC(2026, 0, 2, 3, 4, 5) + 6.007;

function prepare(task: Partial<NewPushTask<Mail>>, settings = {}, traceparent?: string) {
  const given = { class: mail, payload: { to: 'a' }, ...task };
  return prepareRequest(given, { settings, now: NOW, traceparent });
}

test('makes a request for a queue', () => {
  const settings = { project: 'p', region: 'l', pushAs: 'a@b.c', defaultTargetHost: 'example.org' };
  const { body, ...request } = prepare({ title: 'a/b' }, settings, '00-1-2-01') as QueueRequest;
  expect(decodeEnvelope(body)).toEqual({ classId: 'mail', typeName: undefined, body: { to: 'a' } });
  expect(request).toEqual({
    kind: 'queue',
    classId: 'mail',
    queue: 'projects/p/locations/l/queues/post',
    method: 'POST',
    url: 'https://example.org/internal/tasks/t/mail/a/b',
    headers: {
      'Content-Type': 'application/json',
      'X-Luci-Tq-Trace-Context': '00-1-2-01',
      'X-Luci-Tq-Expected-ETA': '1767323045.006007',
    },
    pushAs: { email: 'a@b.c', audience: 'https://example.org/internal/tasks/t/mail/a/b' },
  });
});

test('makes a message for a topic', () => {
  expect(prepare({ class: notice }, { project: 'p' }, '00-1-2-01')).toMatchObject({
    kind: 'topic',
    topic: 'projects/p/topics/notices',
    attributes: { 'X-Luci-Tq-Trace-Context': '00-1-2-01' },
  });
});

test('prefers the host of a class to that of the settings', () => {
  const own = {
    ...mail,
    queue: 'projects/a/locations/b/queues/c',
    targetHost: 'http://127.0.0.1:1',
  };
  expect(prepare({ class: { ...own, routingPrefix: '/x/' } }, { project: 'p' })).toMatchObject({
    queue: own.queue,
    url: 'http://127.0.0.1:1/x/mail',
  });
  expect(prepare({})).toMatchObject({ queue: 'projects/default/locations/default/queues/post' });
});

test('picks the queue for each payload', () => {
  const picking = { ...mail, queue: ({ to }: Mail) => `post-${to}` };
  expect(prepare({ class: picking })).toMatchObject({ queue: expect.stringMatching(/post-a$/) });
  expect(() => prepare({ class: picking, payload: { to: ' ' } })).toThrow(
    'not the name of a queue',
  );
});

test('sends the request that a custom class makes', () => {
  const custom = () => ({
    method: 'PUT' as const,
    relativeUri: '/hook?id=1',
    headers: { a: 'b' },
    body: new Uint8Array([1]),
  });
  expect(prepare({ class: { ...mail, custom } }, { defaultTargetHost: 'h' })).toMatchObject({
    method: 'PUT',
    url: 'https://h/hook?id=1',
    headers: { a: 'b' },
    body: new Uint8Array([1]),
  });
  const none = { ...mail, custom: () => undefined };
  expect(prepare({ class: none })).toMatchObject({ method: 'POST' });
});

test.each([
  ['a/b', 'a/b'],
  ['a b\tc\n', 'a%20b%09c%0A'],
  ['50% of #7?', '50%25%20of%20%237%3F'],
  ['key=value@x:1', 'key=value@x:1'],
  ['größe \ud800', 'gr%C3%B6%C3%9Fe%20%EF%BF%BD'],
  ['..a/.b.', '..a/.b.'],
])('escapes the title %j, so that the URL ends with it', (title, escaped) => {
  const { url } = prepare({ title }) as QueueRequest;
  expect(url).toBe(`https://127.0.0.1/internal/tasks/t/mail/${escaped}`);
  expect(new URL(url).href).toBe(url);
});

test('names a task after its namespace, class and key as LUCI does', () => {
  expect(taskName({}, 'test-dur', 'key')).toBe(
    'ca0a124846df4b453ae63e3ad7c63073b0d25941c6e63e5708fd590c016edcef',
  );
  expect(taskName({ namespace: 'n' }, 'test-dur', 'key')).not.toBe(taskName({}, 'test-dur', 'key'));
  expect(prepare({ deduplicationKey: 'k' })).toMatchObject({ name: taskName({}, 'mail', 'k') });
});

test('takes a delay or a time, but not both', () => {
  expect(prepare({ delayMs: 1_000 })).toMatchObject({ processAfter: NOW + 1_000 });
  expect(prepare({ processAfter: NOW + 5 })).toMatchObject({ processAfter: NOW + 5 });
  expect(() => prepare({ delayMs: 1, processAfter: NOW })).toThrow('exclude each other');
  expect(() => prepare({ delayMs: Number.NaN })).toThrow('not a time');
  expect(() => prepare({ processAfter: -1 })).toThrow('not a time');
});

test.each([
  [{ title: 'a/../../b' }, 'no parts "." and ".."'],
  [{ title: '.' }, 'no parts "." and ".."'],
  [{ title: 'x'.repeat(2_100) }, 'at most 2083 characters'],
  [{ payload: { to: 'x'.repeat(110_000) } }, 'at most 102400 can be'],
  [{ class: notice, deduplicationKey: 'k' }, 'a topic knows no deduplicationKey'],
  [{ class: notice, delayMs: 1 }, 'a topic knows no'],
  [{ class: notice, processAfter: NOW }, 'a topic knows no'],
])('refuses an impossible task: %#', (task, message) => {
  expect(() => prepare(task)).toThrow(message);
});

test.each(['1a', 'a-b', 'a'.repeat(51)])('refuses the namespace %s', (namespace) => {
  expect(() => checkSettings({ namespace })).toThrow('namespace');
  expect(checkSettings({ namespace: 'a_1' })).toEqual({ namespace: 'a_1' });
});
