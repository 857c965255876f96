import { setImmediate as turn } from 'node:timers/promises';
import { FakeClock } from '@postlude/queue/testing';
import { expect, test } from 'vitest';
import { BEGINS_WITHIN_MS, REQUESTS_A_TURN, RequestTurns } from './request-turns.ts';

/** Notes which requests of which connections have begun. */
function openTurns() {
  const clock = new FakeClock();
  const turns = new RequestTurns(clock);
  const begun: string[] = [];
  const refused: string[] = [];
  const cancelled = new Set<string>();
  const connections = { a: { party: 'a' }, b: { party: 'b' }, c: { party: 'a' } };
  const send = (of: keyof typeof connections, count: number): void => {
    for (let number = 0; number < count; number += 1) {
      const name = `${of}${number}`;
      turns.add({
        connection: connections[of],
        isOver: () => cancelled.has(name),
        begin: () => void begun.push(name),
        refuse: () => void refused.push(name),
      });
    }
  };
  return { begun, cancelled, clock, refused, send };
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

test('after a long turn, as many begin as it had milliseconds', async () => {
  const { begun, clock, send } = openTurns();
  send('a', 1_000);
  clock.advance(50);
  await turn();
  expect(begun).toHaveLength(REQUESTS_A_TURN + 50);
  await turn();
  expect(begun).toHaveLength(REQUESTS_A_TURN + 50 + REQUESTS_A_TURN);
});

test('what has waited in vain is refused, and what is cancelled is neither', async () => {
  const { begun, cancelled, clock, refused, send } = openTurns();
  send('a', REQUESTS_A_TURN + 10);
  cancelled.add(`a${REQUESTS_A_TURN}`);
  clock.advance(BEGINS_WITHIN_MS);
  send('b', 1);
  await turn();
  expect(begun.at(-1)).toBe('b0');
  expect(begun).toHaveLength(REQUESTS_A_TURN + 1);
  expect(refused).toHaveLength(9);
});

test('parties take turns, however many connections each has', async () => {
  const { begun, send } = openTurns();
  send('a', REQUESTS_A_TURN + 3);
  send('c', 2);
  send('b', 2);
  await turn();
  const last = REQUESTS_A_TURN;
  expect(begun.slice(REQUESTS_A_TURN)).toEqual([`a${last}`, 'b0', 'c0', 'b1']);
});
