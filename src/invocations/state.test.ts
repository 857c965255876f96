import { expect, test } from 'vitest';
import { type InvocationState, STATE_NUMBERS, stateOf } from './state.ts';

test('states are stored as the numbers of the proto', () => {
  const states: InvocationState[] = ['ACTIVE', 'FINALIZING', 'FINALIZED'];
  expect(states.map((state) => STATE_NUMBERS[state])).toEqual([1, 2, 3]);
  expect([1, 2, 3].map(stateOf)).toEqual(states);
});

test('a number that is not a state is reported as damage', () => {
  for (const number of [0, 4, -1]) {
    expect(() => stateOf(number)).toThrow(expect.objectContaining({ code: 'data-loss' }));
  }
});
