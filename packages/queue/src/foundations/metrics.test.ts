import { expect, test } from 'vitest';
import { FakeClock } from '../testing/fake-clock.ts';
import { sharedReading } from './metrics.ts';

test('reads at most once per interval, for all callers', async () => {
  const clock = new FakeClock();
  let reads = 0;
  const read = sharedReading({ clock, intervalMs: 1000, keepsFailures: true }, async () => {
    reads += 1;
    if (reads === 2) throw new Error('no database');
    return reads;
  });
  expect(await Promise.all([read(), read()])).toEqual([1, 1]);
  clock.advance(999);
  expect(await read()).toBe(1);
  clock.advance(1);
  await expect(Promise.all([read(), read()])).rejects.toThrow('no database');
  await expect(read()).rejects.toThrow('no database');
  clock.advance(1000);
  expect(await read()).toBe(3);
  expect(reads).toBe(3);
});

test('a thousand requests within an interval are one reading', async () => {
  const clock = new FakeClock();
  let made = 0;
  const get = sharedReading({ clock, intervalMs: 1000, keepsFailures: false }, async () => ++made);
  await Promise.all(Array.from({ length: 500 }, get));
  clock.advance(999);
  await Promise.all(Array.from({ length: 500 }, get));
  expect(made).toBe(1);
  clock.advance(1);
  expect(await get()).toBe(2);
});

test('a failure is not kept unless that is wanted', async () => {
  let made = 0;
  const options = { clock: new FakeClock(), intervalMs: 1000, keepsFailures: false };
  const get = sharedReading(options, async () => {
    made++;
    if (made === 1) throw new Error('once');
    return made;
  });
  await expect(get()).rejects.toThrow('once');
  expect(await get()).toBe(2);
});
