import { expect, onTestFinished, test } from 'vitest';
import {
  type GoogleAnswer,
  GoogleServices,
} from '../../../../../test/support/network/google-services.ts';
import { PubSubSubmitter } from './pub-sub.ts';
import type { TopicRequest } from './submitter.ts';

const never = new AbortController().signal;
const TOPIC = 'projects/p/topics/notices';

const REQUEST: TopicRequest = {
  kind: 'topic',
  classId: 'notice',
  topic: TOPIC,
  data: new TextEncoder().encode('{"class":"notice"}'),
  attributes: { 'X-Luci-Tq-Reminder-Id': 'a1' },
};

async function openScripted() {
  const services = await GoogleServices.start();
  const submitter = await PubSubSubmitter.open({ emulatorHost: services.host });
  onTestFinished(() => submitter.close());
  return { services, submitter };
}

test('publishes one message with data and attributes', async () => {
  const { services, submitter } = await openScripted();
  expect(await submitter.submit(REQUEST, never)).toBe('submitted');
  const data = Buffer.from(REQUEST.data).toString('base64');
  const messages = [{ data, attributes: { 'X-Luci-Tq-Reminder-Id': 'a1' } }];
  expect(services.calls).toEqual([{ method: 'Publish', request: { topic: TOPIC, messages } }]);
});

test('publishes each message in a call of its own', async () => {
  const { services, submitter } = await openScripted();
  await Promise.all(Array.from({ length: 20 }, () => submitter.submit(REQUEST, never)));
  expect(services.calls).toHaveLength(20);
});

test.each<[GoogleAnswer, string, boolean]>([
  ['RESOURCE_EXHAUSTED', 'resource-exhausted', true],
  ['UNAVAILABLE', 'unavailable', true],
  ['PERMISSION_DENIED', 'permission-denied', false],
])('%s becomes the error %s, transient: %s, after one call', async (answer, code, isTransient) => {
  const { services, submitter } = await openScripted();
  services.answer = answer;
  const submitted = submitter.submit(REQUEST, never);
  await expect(submitted).rejects.toMatchObject({ name: 'SubmitError', code, isTransient });
  expect(services.calls).toHaveLength(1);
});

test('a topic that does not exist is a fatal error that says how to create it', async () => {
  const { services, submitter } = await openScripted();
  await submitter.checkTopic(TOPIC, never);
  services.answer = 'NOT_FOUND';
  const howTo = 'gcloud pubsub topics create notices --project=p';
  await expect(submitter.submit(REQUEST, never)).rejects.toMatchObject({
    code: 'not-found',
    isTransient: false,
    message: expect.stringContaining(howTo),
  });
  await expect(submitter.checkTopic(TOPIC, never)).rejects.toMatchObject({
    code: 'not-found',
    message: expect.stringContaining(howTo),
  });
});

test('a topic that cannot be looked up now is not reported as missing', async () => {
  const { services, submitter } = await openScripted();
  services.answer = 'UNAVAILABLE';
  await expect(submitter.checkTopic(TOPIC, never)).rejects.toMatchObject({ code: 'unavailable' });
  expect(services.calls).toHaveLength(1);
});

test('the signal ends a call', async () => {
  const { services, submitter } = await openScripted();
  services.answer = 'silence';
  const abort = new AbortController();
  const submitted = submitter.submit(REQUEST, abort.signal);
  await services.called.next();
  abort.abort();
  await expect(submitted).rejects.toMatchObject({ code: 'cancelled', isTransient: true });
  expect(await services.cancelled.next()).toBe('Publish');
});

test('a task for a queue is refused without a call', async () => {
  const { services, submitter } = await openScripted();
  const submitted = submitter.submit(
    {
      kind: 'queue',
      classId: 'mail',
      queue: 'q',
      method: 'POST',
      url: 'http://127.0.0.1',
      ...{ headers: {}, body: new Uint8Array() },
    },
    never,
  );
  await expect(submitted).rejects.toMatchObject({ isTransient: false, code: 'unimplemented' });
  expect(services.calls).toEqual([]);
});
