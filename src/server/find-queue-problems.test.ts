import { expect, test } from 'vitest';
import { FakeClock } from '../testing/fake-clock.ts';
import { GoogleServices } from '../testing/google-services.ts';
import { findQueueProblems } from './find-queue-problems.ts';

const requests = { project: 'p', region: 'l' };
const { signal } = new AbortController();

test('who does not answer is given up after eight seconds', async () => {
  const services = await GoogleServices.start();
  services.answer = 'silence';
  const clock = new FakeClock();
  const called = services.called.next();
  const found = findQueueProblems({ emulatorHost: services.host, requests }, { clock, signal });
  await called;
  clock.advance(8_000);
  const destination = 'projects/p/locations/l/queues/finalizer';
  expect(await found).toMatchObject([
    { kind: 'unchecked', destination, message: 'no answer within 8 s' },
  ]);
});

test('a queue that is there is no problem', async () => {
  const services = await GoogleServices.start();
  const tools = { clock: new FakeClock(), signal };
  expect(await findQueueProblems({ emulatorHost: services.host, requests }, tools)).toEqual([]);
});
