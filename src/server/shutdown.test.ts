import { silentLog } from '@postlude/queue/foundations';
import { FakeClock } from '@postlude/queue/testing';
import { expect, test } from 'vitest';
import { divideGrace, type Stoppable, shutDown } from './shutdown.ts';

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

const GRACE = { workMs: 1_000, closeMs: 300, cutMs: 100 };
const TIMES = { delayMs: 0, grace: GRACE, log: silentLog };

test.each([
  [20_000, { workMs: 16_000, closeMs: 3_000, cutMs: 1_000 }],
  [4_000, { workMs: 2_000, closeMs: 1_500, cutMs: 500 }],
  [0, { workMs: 0, closeMs: 0, cutMs: 0 }],
])('a grace period of %d ms holds the end of work, closing and cutting', (graceMs, parts) => {
  expect(divideGrace(graceMs)).toEqual(parts);
});

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

test('releases the rest if one resource fails to close', async () => {
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
    clock.advance(GRACE.workMs + GRACE.closeMs);
    await new Promise(setImmediate);
    clock.advance(GRACE.cutMs);
    expect(await done).toBe('cut');
  }
});

test('cuts the database off if it does not close', async () => {
  const closed = Promise.withResolvers<void>();
  const { stoppable } = server({
    release: [() => closed.promise],
    cutDatabase: () => closed.resolve(),
  });
  const clock = new FakeClock();
  const done = shutDown(stoppable, { ...TIMES, clock });
  await clock.untilSleepers(1);
  clock.advance(GRACE.workMs + GRACE.closeMs);
  expect(await done).toBe('cut');
});
