import { FakeClock } from '@postlude/queue/testing';
import { expect, test } from 'vitest';
import { cachedFor } from './cached-for.ts';

test('a thousand requests within a second are one reading', async () => {
  const clock = new FakeClock();
  let made = 0;
  const get = cachedFor(1000, clock, async () => ++made);
  await Promise.all(Array.from({ length: 500 }, get));
  clock.advance(999);
  await Promise.all(Array.from({ length: 500 }, get));
  expect(made).toBe(1);
  clock.advance(1);
  expect(await get()).toBe(2);
});

test('a failure is not kept', async () => {
  let made = 0;
  const get = cachedFor(1000, new FakeClock(), async () => {
    made++;
    if (made === 1) throw new Error('once');
    return made;
  });
  await expect(get()).rejects.toThrow('once');
  expect(await get()).toBe(2);
});
