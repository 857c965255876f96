import { expect, test } from 'vitest';
import { systemClock } from '../../foundations/clock.ts';
import { nextTurn } from '../../foundations/concurrency.ts';
import { FakeClock } from '../../testing/fake-clock.ts';
import { Deadlines } from './deadlines.ts';

const late = () => new Error('late');
const never = () => new Promise<never>(() => undefined);

test('returns what a call returns, throws what it throws, and leaves no timer', async () => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock, 1_000);
  expect(await deadlines.run(async () => 'done', late)).toBe('done');
  const failing = deadlines.run(() => Promise.reject(new Error('no')), late);
  await expect(failing).rejects.toThrow('no');
  await nextTurn();
  expect(clock.sleepers).toBe(0);
  expect(await new Deadlines(systemClock, 60_000).run(async () => 1, late)).toBe(1);
});

test('each call has its own limit, though they share a timer', async () => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock, 1_000);
  const ended: string[] = [];
  const begin = (name: string) => {
    const call = (signal: AbortSignal) => {
      signal.addEventListener('abort', () => ended.push(`${name} is aborted`));
      return never();
    };
    return deadlines.run(call, late).catch(({ message }) => ended.push(`${name} is ${message}`));
  };
  const first = begin('first');
  clock.advance(400);
  const second = begin('second');
  expect(clock.sleepers).toBe(1);
  clock.advance(600);
  await first;
  expect(ended).toEqual(['first is aborted', 'first is late']);
  await clock.untilSleepers(1);
  clock.advance(399);
  await nextTurn();
  expect(ended).toHaveLength(2);
  clock.advance(1);
  await second;
  expect(ended.slice(2)).toEqual(['second is aborted', 'second is late']);
  await nextTurn();
  expect(clock.sleepers).toBe(0);
});

test('a call that outlives the first has its limit after that has ended', async () => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock, 1_000);
  const first = Promise.withResolvers<void>();
  const ended = deadlines.run(() => first.promise, late);
  clock.advance(500);
  const second = deadlines.run(never, late);
  first.resolve();
  await ended;
  clock.advance(500);
  await clock.untilSleepers(1);
  clock.advance(500);
  await expect(second).rejects.toThrow('late');
});

test('what a late call does in the end is ignored', async () => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock, 1_000);
  const work = Promise.withResolvers<void>();
  const call = deadlines.run(() => work.promise, late);
  clock.advance(1_000);
  await expect(call).rejects.toThrow('late');
  const next = deadlines.run(async () => 'next', late);
  work.reject(new Error('too late'));
  expect(await next).toBe('next');
  await nextTurn();
  expect(clock.sleepers).toBe(0);
});
