import { expect, test } from 'vitest';
import { FlightLimit } from './flight-limit.ts';

function limitAfter(times: readonly number[]): FlightLimit {
  const limit = new FlightLimit();
  for (const ms of times) limit.stored(ms);
  return limit;
}

const many = (ms: number): number[] => Array.from({ length: 100 }, () => ms);

test('it begins with two batches, and grows to eight while none waits for another', () => {
  expect(limitAfter([]).batches).toBe(2);
  expect(limitAfter([10, 10, 10]).batches).toBe(3);
  expect(limitAfter(many(10)).batches).toBe(8);
});

test('it shrinks to one while batches take much longer than the fastest', () => {
  const limit = limitAfter(many(10));
  for (let batch = 0; batch < 40; batch++) limit.stored(100);
  expect(limit.batches).toBe(1);
});

test('a single fast batch is forgotten, so the limit grows again', () => {
  expect(limitAfter([1, ...many(100), ...many(100), ...many(100)]).batches).toBe(8);
});

test('a refusal halves it once, however many batches of the time are refused', () => {
  const limit = limitAfter(many(10));
  const { era } = limit;
  for (let batch = 0; batch < 8; batch++) limit.refused(era);
  expect(limit.batches).toBe(4);
  limit.refused(limit.era);
  expect(limit.batches).toBe(2);
});

test('it never falls below one', () => {
  const limit = new FlightLimit();
  for (let time = 0; time < 10; time++) limit.refused(limit.era);
  expect(limit.batches).toBe(1);
});
