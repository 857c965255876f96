import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { REQUESTS_A_TURN, RequestTurns } from './request-turns.ts';

/** Notes which requests of which connections have begun. */
function openTurns() {
  const turns = new RequestTurns();
  const begun: string[] = [];
  const cancelled = new Set<string>();
  const connections = { a: {}, b: {} };
  const send = (of: 'a' | 'b', count: number): void => {
    for (let number = 0; number < count; number += 1) {
      const name = `${of}${number}`;
      turns.add(connections[of], {
        isOver: () => cancelled.has(name),
        begin: () => void begun.push(name),
      });
    }
  };
  return { begun, cancelled, send };
}

test('few requests begin at once', () => {
  const { begun, send } = openTurns();
  send('a', 2);
  expect(begun).toEqual(['a0', 'a1']);
});

test('many requests begin in many turns, and those of another connection among them', async () => {
  const { begun, send } = openTurns();
  send('a', 10 * REQUESTS_A_TURN);
  expect(begun).toHaveLength(REQUESTS_A_TURN);
  send('b', 3);
  await turn();
  const next = begun.slice(REQUESTS_A_TURN);
  expect(next).toEqual([`a${REQUESTS_A_TURN}`, 'b0', `a${REQUESTS_A_TURN + 1}`, 'b1']);
  for (let number = 0; number < 10; number += 1) await turn();
  expect(begun).toHaveLength(10 * REQUESTS_A_TURN + 3);
});

test('what is cancelled before its turn never begins, and takes no place of others', async () => {
  const { begun, cancelled, send } = openTurns();
  send('a', 1_000);
  for (let number = 0; number < 996; number += 1) cancelled.add(`a${number}`);
  await turn();
  expect(begun).toHaveLength(REQUESTS_A_TURN + 4);
  expect(begun.at(-1)).toBe('a999');
});
