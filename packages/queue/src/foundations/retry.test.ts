import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FakeClock } from '../testing/fake-clock.ts';
import { backoffCeilingMs, backoffMs, type RetryPolicy, retry } from './retry.ts';

const BACKOFF = { initialMs: 100, maxMs: 1_000 };

function policy(changes: Partial<RetryPolicy> = {}) {
  const clock = new FakeClock();
  return {
    clock,
    backoff: BACKOFF,
    maxAttempts: 3,
    random: () => 0,
    isRetryable: () => true,
    ...changes,
  };
}

test('a delay is at least 0, below its ceiling, and never above the maximum', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 2_000 }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (attempt, random) => {
        const delayMs = backoffMs(BACKOFF, attempt, () => random);
        expect(delayMs).toBeGreaterThanOrEqual(0);
        expect(delayMs).toBeLessThan(BACKOFF.maxMs);
        expect(delayMs).toBeLessThanOrEqual(backoffCeilingMs(BACKOFF, attempt));
      },
    ),
  );
});

test('the ceiling doubles with each attempt, unless another factor is given', () => {
  const ceilings = (factor?: number) =>
    [1, 2, 3, 9].map((attempt) =>
      backoffCeilingMs({ ...BACKOFF, ...(factor === undefined ? {} : { factor }) }, attempt),
    );
  expect(ceilings()).toEqual([100, 200, 400, 1_000]);
  expect(ceilings(1)).toEqual([100, 100, 100, 100]);
});

test('repeats until an attempt succeeds', async () => {
  const answer = retry(policy(), async (attempt) => {
    if (attempt < 3) throw new Error(`attempt ${attempt}`);
    return attempt;
  });
  expect(await answer).toBe(3);
});

test('throws the last error once the attempts are used up', async () => {
  const fail = async (attempt: number): Promise<void> => {
    throw new Error(`attempt ${attempt}`);
  };
  await expect(retry(policy(), fail)).rejects.toThrow('attempt 3');
});

test('does not repeat what is not retryable', async () => {
  const fail = async (attempt: number): Promise<void> => {
    throw new Error(`attempt ${attempt}`);
  };
  await expect(retry(policy({ isRetryable: () => false }), fail)).rejects.toThrow('attempt 1');
});

test('an abort ends the pause, and no attempt follows', async () => {
  const clock = new FakeClock();
  const stopping = new AbortController();
  const attempts: number[] = [];
  const ended = retry(policy({ clock, random: () => 0.5, signal: stopping.signal }), async (n) => {
    attempts.push(n);
    throw new Error(`attempt ${n}`);
  });
  await clock.untilSleepers(1);
  stopping.abort();
  await expect(ended).rejects.toThrow('attempt 1');
  expect(attempts).toEqual([1]);
});
