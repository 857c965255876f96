import { Code, ConnectError } from '@connectrpc/connect';
import type { Clock } from '@postlude/queue/foundations';
import { expect, test } from 'vitest';
import { openCliContext } from '../../../test/support/cli/cli-world.ts';
import { Output } from '../terminal/output.ts';
import { retryFor } from './rpc-retry.ts';

const away = (): Promise<never> =>
  Promise.reject(new ConnectError('away', Code.Unavailable, undefined, undefined, new Error()));

/** Makes each pause between tries last twenty seconds. */
function openRetry() {
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
    retry: retryFor(context, new Output(context, { json: false, quiet: false })),
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
