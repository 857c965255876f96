import { expect, test } from 'vitest';
import { retentionRules } from './retention-config.ts';

const DAY = 86_400_000;

test('a rule has a pattern of realms and one or two times', () => {
  const rules = retentionRules(
    [
      { realm: 'acme:try', invocationExpiration: '30d', expectedResultsExpiration: '36h' },
      { realm: '*:ci/*', expectedResultsExpiration: '7d' },
    ],
    '.',
  );
  expect(rules).toEqual([
    { realm: 'acme:try', invocationMs: 30 * DAY, expectedResultsMs: 1.5 * DAY },
    { realm: '*:ci/*', expectedResultsMs: 7 * DAY },
  ]);
});

test.each([
  [{}, 'must be a list of rules'],
  [[1], '[0]: must be a mapping with realm and durations'],
  [[{ realm: 'ab', invocationExpiration: '2d' }], '[0]: realm: must be project:realm'],
  [[{ realm: 'a:b', invocationExpiration: '1h' }], '[0]: invocationExpiration: must be between'],
  [[{ realm: 'a:b', invocationExpiraton: '2d' }], 'unknown key invocationExpiraton (did you mean'],
])('refuses %j', (value, message) => {
  expect(() => retentionRules(value, '.')).toThrow(message);
});
