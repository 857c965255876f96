import { expect, test } from 'vitest';
import { didYouMean, nearestName } from './nearest-name.ts';

const NAMES = ['listen', 'lease', 'exportDir', 'realms', 'realmsFile'];

test.each([
  ['lisen', 'listen'],
  ['export-dir', 'exportDir'],
  ['EXPORT_DIR', 'exportDir'],
  ['realm', 'realms'],
  ['realm_file', 'realmsFile'],
])('%s is close to %s', (name, nearest) => {
  expect(nearestName(name, NAMES)).toBe(nearest);
});

test('what is close to nothing is not guessed at', () => {
  expect(nearestName('password', NAMES)).toBeUndefined();
  expect(didYouMean('password', NAMES)).toBe('');
});
