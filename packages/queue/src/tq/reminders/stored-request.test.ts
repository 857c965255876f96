import { expect, test } from 'vitest';
import type { QueueRequest, SubmitRequest } from '../submit/submitter.ts';
import { decodeRequest, encodeRequest } from './stored-request.ts';

const queued: QueueRequest = {
  kind: 'queue',
  classId: 'mail',
  queue: 'projects/p/locations/l/queues/q',
  method: 'POST',
  url: 'https://h/mail',
  headers: { a: 'b' },
  body: new Uint8Array([0, 255, 10]),
};

test.each<SubmitRequest>([
  queued,
  { ...queued, name: 'n', processAfter: 12.345, pushAs: { email: 'e', audience: 'a' } },
  { kind: 'topic', classId: 'c', topic: 't', data: new Uint8Array([1]), attributes: { a: 'b' } },
])('is decoded as it was encoded: %#', (request) => {
  expect(decodeRequest(encodeRequest(request))).toEqual(request);
});

test.each([
  ['no JSON', 'x'],
  ['no object', '1'],
  ['a newer version', '{"version":2}'],
  ['another kind', '{"version":1,"classId":"c","kind":"x"}'],
  ['no class', '{"version":1,"kind":"queue"}'],
  [
    'a time that is none',
    '{"version":1,"kind":"queue","classId":"c","queue":"q","method":"POST","url":"u","headers":{},"body":"","scheduleTime":1e999}',
  ],
  [
    'headers that are none',
    '{"version":1,"kind":"topic","classId":"c","topic":"t","data":"","attributes":{"a":1}}',
  ],
])('refuses %s', (_, text) => {
  expect(() => decodeRequest(new TextEncoder().encode(text))).toThrow(/^the stored request /);
});
