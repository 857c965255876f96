/**
 * Stored and sent forms of push tasks. When a new version starts, tasks and reminders of older versions
 * still wait, so each version has to read them for ever.
 */
import { create } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { decodeEnvelope, encodeEnvelope } from '../../packages/queue/src/tq/classes/envelope.ts';
import {
  decodeRequest,
  encodeRequest,
} from '../../packages/queue/src/tq/reminders/stored-request.ts';
import { finalizationTasks } from '../../src/finalizer/finalization-tasks.ts';
import { TryFinalizeInvocationSchema } from '../../src/gen/luci/resultdb/internal/tasks/tasks_pb.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const rewritten = (stored: string): unknown =>
  JSON.parse(new TextDecoder().decode(encodeRequest(decodeRequest(bytes(stored)))));

test('a task of LUCI ResultDB to finalize an invocation works here', async () => {
  const sent =
    '{"class":"try-finalize-inv","type":"luci.resultdb.internal.tasks.TryFinalizeInvocation","body":{"invocationId":"inv"}}';
  const payload = create(TryFinalizeInvocationSchema, { invocationId: 'inv' });
  const written = new TextDecoder().decode(encodeEnvelope(finalizationTasks, payload));
  expect(JSON.parse(written)).toEqual(JSON.parse(sent));
  const { classId, body } = decodeEnvelope(bytes(sent));
  expect(classId).toBe(finalizationTasks.id);
  expect(await finalizationTasks.payload.fromJson(body)).toEqual(payload);
});

test('reads and writes the requests of version 1', () => {
  const queue =
    '{"version":1,"kind":"queue","classId":"mail","queue":"projects/p/locations/l/queues/q","name":"n","method":"POST","url":"https://h/mail","headers":{"Content-Type":"application/json"},"body":"AP8=","scheduleTime":1767323045006.007,"pushAs":{"email":"a@b.c","audience":"aud"}}';
  expect(decodeRequest(bytes(queue))).toEqual({
    kind: 'queue',
    classId: 'mail',
    queue: 'projects/p/locations/l/queues/q',
    name: 'n',
    method: 'POST',
    url: 'https://h/mail',
    headers: { 'Content-Type': 'application/json' },
    body: new Uint8Array([0, 255]),
    processAfter: 1767323045006.007,
    pushAs: { email: 'a@b.c', audience: 'aud' },
  });
  expect(rewritten(queue)).toEqual(JSON.parse(queue));
  const topic =
    '{"version":1,"kind":"topic","classId":"c","topic":"projects/p/topics/t","data":"AQ==","attributes":{"a":"b"}}';
  expect(decodeRequest(bytes(topic))).toEqual({
    kind: 'topic',
    classId: 'c',
    topic: 'projects/p/topics/t',
    data: new Uint8Array([1]),
    attributes: { a: 'b' },
  });
  expect(rewritten(topic)).toEqual(JSON.parse(topic));
});
