import { FakeClock } from '@postlude/queue/testing';
import { expect, test } from 'vitest';
import { GoogleServices } from '../../../test/support/network/google-services.ts';
import { RecordingLog } from '../../../test/support/recording-log.ts';
import { findQueueProblems, warnOfQueueProblems } from './find-queue-problems.ts';

const requests = { project: 'p', region: 'l' };
const { signal } = new AbortController();

test('a queue service that does not answer is waited for for six seconds, and no longer', async () => {
  const services = await GoogleServices.start();
  services.answer = 'silence';
  const clock = new FakeClock();
  const called = services.called.next();
  const found = findQueueProblems({ emulatorHost: services.host, requests }, { clock, signal });
  await called;
  clock.advance(6_000);
  const destination = 'projects/p/locations/l/queues/finalizer';
  expect(await found).toMatchObject([
    { kind: 'unchecked', destination, message: 'no answer within 6 s' },
  ]);
});

test('a queue that is there is no problem', async () => {
  const services = await GoogleServices.start();
  const parts = { clock: new FakeClock(), signal };
  expect(await findQueueProblems({ emulatorHost: services.host, requests }, parts)).toEqual([]);
});

test.each([
  ['NOT_FOUND', 'error', 'pushed tasks have no queue'],
  ['PERMISSION_DENIED', 'warn', 'cannot tell whether a queue exists'],
] as const)('a server that starts tells of an answer %s', async (answer, level, message) => {
  const services = await GoogleServices.start();
  services.answer = answer;
  const log = new RecordingLog();
  const parts = { clock: new FakeClock(), signal, log };
  await warnOfQueueProblems({ emulatorHost: services.host, requests }, parts);
  expect(log.lines).toMatchObject([{ level, message }]);
});
