import { Code, ConnectError } from '@connectrpc/connect';
import type { Clock } from '@postlude/queue/foundations';
import { expect, test } from 'vitest';
import { openCliContext } from '../../../test/support/cli/cli-world.ts';
import { Output } from '../terminal/output.ts';
import { type RetryOptions, retryFor } from './rpc-retry.ts';

const away = (): Promise<never> =>
  Promise.reject(new ConnectError('away', Code.Unavailable, undefined, undefined, new Error()));

/** Makes each pause between tries last twenty seconds. */
function openRetry(options: Omit<RetryOptions, 'output'> = {}) {
  let seconds = 0;
  const clock: Clock = {
    now: () => seconds * 1000,
    monotonicMs: () => seconds * 1000,
    sleep: async () => {
      seconds += 20;
    },
  };
  const context = { ...openCliContext(), clock };
  return {
    retry: retryFor(context, {
      output: new Output(context, { json: false, quiet: false }),
      ...options,
    }),
    seconds: () => seconds,
  };
}

test('a call to a server that has never answered fails after a minute', async () => {
  const { retry, seconds } = openRetry();
  await expect(retry(away)).rejects.toThrow('away');
  expect(seconds()).toBe(60);
});

test('a call to a server that has answered before fails after five', async () => {
  const { retry, seconds } = openRetry();
  expect(await retry(async () => 'an answer')).toBe('an answer');
  await expect(retry(away)).rejects.toThrow('away');
  expect(seconds()).toBe(300);
});

test.each([
  [0, 0],
  [20_000, 20],
  [50_000, 60],
])(
  'if the user wants retries for %i ms, the last try begins after %i s',
  async (retryForMs, end) => {
    const { retry, seconds } = openRetry({ retryForMs });
    await expect(retry(away)).rejects.toThrow('away');
    expect(seconds()).toBe(end);
  },
);

test('the pause before the last try ends when the time is up', async () => {
  let now = 0;
  const clock: Clock = {
    now: () => now,
    monotonicMs: () => now,
    sleep: async (ms) => {
      now += Math.max(1, ms);
    },
  };
  const retry = retryFor({ ...openCliContext(), clock }, { retryForMs: 5_000 });
  await expect(retry(away)).rejects.toThrow('away');
  expect(now).toBeLessThan(5_020);
});
