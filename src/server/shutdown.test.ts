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
    cutDatabase: () => steps.push('cutDatabase'),
    ...overrides,
  };
  return { steps, stoppable };
}

const TIMES = { delayMs: 0, graceMs: 1_000, log: silentLog };

test('says no first, and releases the database last', async () => {
  const { steps, stoppable } = server();
  expect(await shutDown(stoppable, { ...TIMES, clock: new FakeClock() })).toBe('orderly');
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
  await clock.untilSleepers(2); // the grace period's, and that of the end of all patience
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

test('cuts the database off from what outlasts the grace period, and leaves the rest behind', async () => {
  const tasks = Promise.withResolvers<void>();
  const hanging: Partial<Stoppable>[] = [
    { stopTasks: () => tasks.promise, cutDatabase: () => tasks.resolve() },
    { stopTasks: () => new Promise(() => undefined) },
  ];
  for (const part of hanging) {
    const { stoppable } = server(part);
    const clock = new FakeClock();
    const done = shutDown(stoppable, { ...TIMES, clock });
    await clock.untilSleepers(1);
    clock.advance(TIMES.graceMs + 3_000);
    await new Promise(setImmediate);
    clock.advance(1_000);
    expect(await done).toBe('cut');
  }
});

test('cuts the database off where it does not close', async () => {
  const closed = Promise.withResolvers<void>();
  const { stoppable } = server({
    release: [() => closed.promise],
    cutDatabase: () => closed.resolve(),
  });
  const clock = new FakeClock();
  const done = shutDown(stoppable, { ...TIMES, clock });
  await clock.untilSleepers(1);
  clock.advance(TIMES.graceMs + 3_000);
  expect(await done).toBe('cut');
});
