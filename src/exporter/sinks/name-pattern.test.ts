import fc from 'fast-check';
import { expect, test } from 'vitest';
import { covers, matches, parseNamePattern } from './name-pattern.ts';

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
  expect(matches(pattern, name)).toBe(expected);
});

test('matches as the regular expression of the pattern does', () => {
  const word = fc.array(fc.constantFrom('a', 'b', '.', '*'), { maxLength: 8 });
  const name = fc.array(fc.constantFrom('a', 'b', '.'), { maxLength: 10 });
  fc.assert(
    fc.property(word, name, (letters, of) => {
      const pattern = letters.join('');
      const oracle = new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '.*')}$`);
      expect(matches(pattern, of.join(''))).toBe(oracle.test(of.join('')));
    }),
  );
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
