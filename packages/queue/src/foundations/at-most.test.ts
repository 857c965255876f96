import { expect, test } from 'vitest';
import { FakeClock } from '../testing/fake-clock.ts';
import { atMost } from './at-most.ts';
import { systemClock } from './clock.ts';

test('work that ends in time counts as ended, whichever clock measures the time', async () => {
  expect(await atMost(systemClock, 60_000, Promise.resolve())).toBe(true);
  const work = Promise.withResolvers<void>();
  const clock = new FakeClock();
  const hasEnded = atMost(clock, 1_000, work.promise);
  await clock.untilSleepers(1);
  work.resolve();
  expect(await hasEnded).toBe(true);
  expect(clock.sleepers).toBe(0);
});

test('work that takes longer counts as not ended', async () => {
  const clock = new FakeClock();
  const hasEnded = atMost(clock, 1_000, new Promise(() => undefined));
  await clock.untilSleepers(1);
  clock.advance(1_000);
  expect(await hasEnded).toBe(false);
});

test('throws the error of the work, and ignores late failures', async () => {
  const clock = new FakeClock();
  await expect(atMost(clock, 1_000, Promise.reject(new Error('no')))).rejects.toThrow('no');
  const work = Promise.withResolvers<void>();
  const hasEnded = atMost(clock, 1_000, work.promise);
  await clock.untilSleepers(1);
  clock.advance(1_000);
  expect(await hasEnded).toBe(false);
  work.reject(new Error('too late'));
  await new Promise(setImmediate);
});
