import { expect, test } from 'vitest';
import { duration } from './setting.ts';
import { listOf, oneText, optional, recordOf } from './shapes.ts';

interface Rule {
  readonly match: string;
  readonly keep?: number;
}

const rules = listOf(
  recordOf<Rule>(
    { match: oneText, keep: optional(duration({ min: 1_000, max: 60_000 }).parse) },
    'must be a mapping with match',
  ),
  'must be a list of rules',
);

test('a list of records is one declaration, in which kinds of settings serve as well', () => {
  expect(rules([{ match: 'a', keep: '2s' }, { match: 'b' }], '/')).toEqual([
    { match: 'a', keep: 2_000 },
    { match: 'b' },
  ]);
});

test.each([
  [{}, 'must be a list of rules'],
  [[1], '[0]: must be a mapping with match'],
  [[{ keep: '2s' }], '[0]: match: must be a text'],
  [[{ match: 'a' }, { match: 'b', keep: '2' }], '[1]: keep: must be a duration with its unit'],
  [[{ match: 'a', keeps: '2s' }], '[0]: unknown key keeps (did you mean keep?)'],
])('refuses %j', (value, problem) => {
  expect(() => rules(value, '/')).toThrow(problem);
});
