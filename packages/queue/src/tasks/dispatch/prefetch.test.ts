import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Prefetch } from './prefetch.ts';

const workers = fc.integer({ min: 1, max: 200 });

function sizeAfter(count: number, durations: readonly number[]): number {
  const prefetch = new Prefetch(count);
  for (const duration of durations) prefetch.handled(duration);
  return prefetch.size;
}

describe('the number of tasks that are leased ahead', () => {
  test('is 0 until it is known how long handlers take', () => {
    expect(sizeAfter(10, [])).toBe(0);
  });

  test('is 0 while each handler takes long', () => {
    fc.assert(
      fc.property(workers, fc.integer({ min: 1, max: 1_000 }), (count, times) => {
        const slowMs = count * 100 + 1;
        expect(
          sizeAfter(
            count,
            Array.from({ length: Math.min(times, 50) }, () => slowMs),
          ),
        ).toBe(0);
      }),
    );
  });

  test('is what starts within a tenth of a second', () => {
    fc.assert(
      fc.property(workers, fc.integer({ min: 1, max: 10_000 }), (count, durationMs) => {
        const size = sizeAfter(count, [durationMs]);
        expect(size * durationMs).toBeLessThanOrEqual(count * 100); // whole numbers: nothing is rounded
      }),
    );
  });

  test('is bounded, however fast handlers are', () => {
    fc.assert(
      fc.property(workers, fc.array(fc.nat({ max: 1 }), { minLength: 1 }), (count, durations) => {
        expect(sizeAfter(count, durations)).toBeLessThanOrEqual(1_000);
      }),
    );
    expect(sizeAfter(10, [0])).toBeGreaterThan(100);
  });

  test('shrinks soon once handlers become slow', () => {
    expect(sizeAfter(10, [1])).toBeGreaterThan(100);
    expect(sizeAfter(10, [1, 60_000])).toBe(0);
  });
});
