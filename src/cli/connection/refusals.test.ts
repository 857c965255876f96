import { Code, ConnectError, createClient, createRouterTransport } from '@connectrpc/connect';
import { FakeClock } from '@postlude/queue/testing';
import { expect, test } from 'vitest';
import { Tasks } from '../../gen/postlude/v1/tasks_pb.js';
import { heedRefusals, retryAfterMs } from './refusals.ts';

function refusal(retryAfter?: string): ConnectError {
  const metadata = retryAfter === undefined ? {} : { 'retry-after': retryAfter };
  return new ConnectError('too much to do; try again in 2 s', Code.ResourceExhausted, metadata);
}

/** A server that refuses each call with the next of these errors, until there is none. */
function openClient(errors: ConnectError[]) {
  const clock = new FakeClock();
  const warnings: string[] = [];
  let calls = 0;
  const transport = createRouterTransport(
    ({ service }) => {
      const listTasks = () => {
        calls += 1;
        const error = errors.shift();
        if (error) throw error;
        return { nextPageToken: 'done' };
      };
      service(Tasks, { listTasks });
    },
    {
      transport: {
        interceptors: [
          heedRefusals({ clock, random: () => 0.5, warn: (text) => warnings.push(text) }),
        ],
      },
    },
  );
  return { client: createClient(Tasks, transport), clock, warnings, calls: () => calls };
}

test('a refused call is repeated after the told time and a part of it', async () => {
  const { calls, client, clock, warnings } = openClient([refusal('2'), refusal('4')]);
  const call = client.listTasks({});
  await clock.untilSleepers(1);
  clock.advance(2_499);
  expect(calls()).toBe(1);
  clock.advance(1);
  await clock.untilSleepers(1);
  expect(calls()).toBe(2);
  clock.advance(5_000);
  expect((await call).nextPageToken).toBe('done');
  expect(warnings).toEqual(['too much to do; try again in 2 s; waiting']);
});

test('a call is not repeated beyond its time limit', async () => {
  const { calls, client } = openClient([refusal('2')]);
  await expect(client.listTasks({}, { timeoutMs: 2_400 })).rejects.toMatchObject({
    code: Code.ResourceExhausted,
  });
  expect(calls()).toBe(1);
});

test('a limit that is used up for hours fails the call at once', async () => {
  const { calls, client } = openClient([refusal('7200')]);
  await expect(client.listTasks({})).rejects.toThrow('too much');
  expect(calls()).toBe(1);
});

test('without a told time, the call can never work', async () => {
  const { calls, client } = openClient([refusal()]);
  await expect(client.listTasks({})).rejects.toThrow('too much');
  expect(calls()).toBe(1);
});

test('a call that is stopped while it waits fails with the refusal', async () => {
  const { client, clock } = openClient([refusal('2')]);
  const stopping = new AbortController();
  const call = client.listTasks({}, { signal: stopping.signal });
  call.catch(() => undefined);
  await clock.untilSleepers(1);
  stopping.abort();
  await expect(call).rejects.toBeInstanceOf(ConnectError);
  expect(clock.sleepers).toBe(0);
});

test.each([
  [refusal('3'), 3_000],
  [new ConnectError('stopping', Code.Unavailable, { 'retry-after': '1' }), 1_000],
  [refusal('Wed, 21 Oct 2026 07:28:00 GMT'), undefined],
  [new ConnectError('no', Code.InvalidArgument, { 'retry-after': '1' }), undefined],
  [new Error('no'), undefined],
])('%s is to be repeated after %s', (error, expected) => {
  expect(retryAfterMs(error)).toBe(expected);
});
