import { expect, test } from 'vitest';
import { silentLog } from '../log.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { type Stoppable, shutDown } from './shutdown.ts';

function server(overrides: Partial<Stoppable> = {}) {
  const steps: string[] = [];
  const step = (name: string) => async () => void steps.push(name);
  const stoppable: Stoppable = {
    refuse: () => steps.push('refuse'),
    stopRequests: step('stopRequests'),
    activeRequests: () => 1,
    cutRequests: () => steps.push('cutRequests'),
    stopTasks: step('stopTasks'),
    release: [step('first'), step('second')],
    ...overrides,
  };
  return { steps, stoppable };
}

const TIMES = { delayMs: 0, graceMs: 1_000, log: silentLog };

test('says no first, and releases the database last', async () => {
  const { steps, stoppable } = server();
  await shutDown(stoppable, { ...TIMES, clock: new FakeClock() });
  expect(steps).toEqual(['refuse', 'stopRequests', 'stopTasks', 'first', 'second']);
});

test('serves on during the delay', async () => {
  const { steps, stoppable } = server();
  const clock = new FakeClock();
  const done = shutDown(stoppable, { ...TIMES, delayMs: 500, clock });
  await clock.untilSleepers(1);
  expect(steps).toEqual(['refuse']);
  clock.advance(500);
  await done;
  expect(steps).toContain('second');
});

test('cuts requests that outlast the grace period, and waits for tasks', async () => {
  const requests = Promise.withResolvers<void>();
  const tasks = Promise.withResolvers<void>();
  const { steps, stoppable } = server({
    stopRequests: () => requests.promise,
    cutRequests: () => requests.resolve(),
    stopTasks: () => tasks.promise,
  });
  const clock = new FakeClock();
  const done = shutDown(stoppable, { ...TIMES, clock });
  await clock.untilSleepers(1);
  clock.advance(999);
  expect(steps).toEqual(['refuse']);
  clock.advance(1);
  await requests.promise;
  expect(steps).toEqual(['refuse']);
  tasks.resolve();
  await done;
  expect(steps).toEqual(['refuse', 'first', 'second']);
});

test('releases the rest where one thing fails to close', async () => {
  const { steps, stoppable } = server();
  const release = [() => Promise.reject(new Error('no')), ...stoppable.release];
  await shutDown({ ...stoppable, release }, { ...TIMES, clock: new FakeClock() });
  expect(steps.slice(-2)).toEqual(['first', 'second']);
});
