import fc from 'fast-check';
import { expect, test } from 'vitest';
import { matchesWildcards } from './wildcards.ts';

test.each([
  ['a*c', 'ac', true],
  ['a*c', 'abbc', true],
  ['a*a', 'a', false],
  ['*', '', true],
  ['', 'a', false],
  ['a.c', 'abc', false],
  ['*b*b*', 'ab', false],
])('%j matches %j: %s', (pattern, text, isMatched) => {
  expect(matchesWildcards(pattern, text)).toBe(isMatched);
});

test('a star matches what `.*` matches', () => {
  const letters = fc.array(fc.constantFrom('a', 'b', '*'), { maxLength: 6 });
  const texts = fc.array(fc.constantFrom('a', 'b'), { maxLength: 10 });
  fc.assert(
    fc.property(letters, texts, (pattern, text) => {
      const expression = new RegExp(`^${pattern.join('').replaceAll('*', '.*')}$`);
      const isMatched = expression.test(text.join(''));
      expect(matchesWildcards(pattern.join(''), text.join(''))).toBe(isMatched);
    }),
    { numRuns: 1_000 },
  );
});
