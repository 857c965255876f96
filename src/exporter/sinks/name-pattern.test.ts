import { matchesWildcards } from '@postlude/queue/foundations';
import { expect, test } from 'vitest';
import { covers, parseNamePattern } from './name-pattern.ts';

test.each([
  ['acme.*', 'acme.tests.results', true],
  ['acme.*', 'acme2.tests.results', false],
  ['acme.tests.*', 'acme.tests.results', true],
  ['acme.tests.*', 'acme.tests2.results', false],
  ['acme.tests.results', 'acme.tests.results', true],
  ['acme.tests.results', 'acme.tests.results2', false],
  ['*.nightly_*', 'acme.tests.nightly_results', true],
  ['*.nightly_*', 'acme.tests.results', false],
  ['*', 'example.com:acme.tests.results', true],
  ['a*a.*', 'a.tests.results', false],
  ['*.results', 'acme.results.results', true],
])('%s and %s', (pattern, name, expected) => {
  expect(matchesWildcards(pattern, name)).toBe(expected);
});

test.each([
  ['acme.*', 'acme.tests.*', true],
  ['acme.*.*', 'acme.*', true],
  ['*.*.*', '*', true],
  ['acme.tests.*', 'acme.*', false],
  ['*.results', 'acme.*', false],
  ['acme.*', '*.results', false],
])('%s covers %s: %s', (pattern, other, expected) => {
  expect(covers(pattern, other)).toBe(expected);
});

test.each([
  [undefined, /must be a pattern/],
  ['', /must be a pattern/],
  ['acme.[ab].*', /the only wildcard is \*/],
  ['acme.**', /the only wildcard is \*/],
  ['acme.tests', /matches no table.*write acme\.tests\.\*/],
])('%j is refused', (pattern, message) => {
  expect(() => parseNamePattern(pattern)).toThrow(message);
});
