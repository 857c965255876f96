import { expect, test } from 'vitest';
import { FakeClock } from '../testing/fake-clock.ts';
import { sharedReading } from './metrics.ts';

test('reads at most once per interval, for all callers', async () => {
  const clock = new FakeClock();
  let reads = 0;
  const read = sharedReading(clock, 1000, async () => {
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
