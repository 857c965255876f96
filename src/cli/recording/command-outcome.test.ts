import { expect, test } from 'vitest';
import { heedingLateSignal, outcomeProperties } from './command-outcome.ts';

const BADLY = { file: 'npx', exitCode: 143, startTime: 0, endTime: 1 };

test('a command that was stopped before our own signal counts as cancelled', () => {
  const stopping = new AbortController();
  const outcome = heedingLateSignal(BADLY, stopping.signal);
  expect(outcome.cancelledBy).toBeUndefined();
  stopping.abort('SIGTERM');
  expect(outcome.cancelledBy).toBe('SIGTERM');
  expect(outcomeProperties(outcome)).toMatchObject({ command: { cancelledBy: 'SIGTERM' } });
});

test.each([
  ['ended well', { ...BADLY, exitCode: 0 }],
  ['was never started', { ...BADLY, exitCode: 127, notStarted: 'command not found' }],
])('a command that %s is not cancelled by what comes later', (_, outcome) => {
  const { cancelledBy } = heedingLateSignal(outcome, AbortSignal.abort('SIGINT'));
  expect(cancelledBy).toBeUndefined();
});

test('the first signal that arrived while it ran is the one that counts', () => {
  const signal = AbortSignal.abort('SIGTERM');
  expect(heedingLateSignal({ ...BADLY, cancelledBy: 'SIGINT' }, signal).cancelledBy).toBe('SIGINT');
});
