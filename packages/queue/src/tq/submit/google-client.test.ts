import { expect, test } from 'vitest';
import { GoogleClient } from './google-client.ts';

const { signal } = new AbortController();

/** Creates clients, the first `failures` of which are never ready. */
function openWorld(failures: number) {
  const created: { isClosed: boolean }[] = [];
  const client = GoogleClient.own(() => {
    const number = created.length;
    const state = { isClosed: false };
    created.push(state);
    return {
      number,
      initialize: async () => {
        if (number < failures) throw new Error('no credentials');
      },
      close: async () => {
        state.isClosed = true;
      },
    };
  });
  const numberOf = (): Promise<number> => client.call(signal, async ({ number }) => number);
  return { client, created, numberOf };
}

test('opens one client for all calls', async () => {
  const { client, created, numberOf } = openWorld(0);
  expect(await Promise.all([numberOf(), numberOf()])).toEqual([0, 0]);
  expect(await numberOf()).toBe(0);
  await client.close();
  expect(created).toEqual([{ isClosed: true }]);
});

test('opens another client after the first could not be opened', async () => {
  const { created, numberOf } = openWorld(1);
  const both = [numberOf(), numberOf()];
  for (const opened of both) await expect(opened).rejects.toThrow('no credentials');
  expect(await numberOf()).toBe(1);
  expect(created).toHaveLength(2);
});

test('leaves closing to the caller if it was given a client', async () => {
  const given = { close: () => Promise.reject(new Error('closed')) };
  const client = GoogleClient.given(given);
  expect(await client.call(signal, async (used) => used)).toBe(given);
  await client.close();
});

test('can be closed before anything was opened', async () => {
  const { client, created } = openWorld(0);
  await client.close();
  expect(created).toEqual([]);
});
