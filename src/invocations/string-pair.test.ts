import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatPair, parsePair, sortPairs } from './string-pair.ts';

const pairs = fc.record({
  key: fc.stringMatching(/^[a-z][a-z0-9_/]{0,10}$/),
  value: fc.string({ unit: 'grapheme' }),
});

test('a stored pair parses to its key and value, whatever the value contains', () => {
  fc.assert(
    fc.property(pairs, (pair) => {
      expect(parsePair(formatPair(pair))).toEqual(pair);
    }),
  );
  expect(parsePair('k:a:b\nc')).toEqual({ key: 'k', value: 'a:b\nc' });
});

test('pairs are sorted by key, then by value, and none is lost', () => {
  const given = [
    { key: 'b', value: '1' },
    { key: 'a', value: '2' },
    { key: 'a', value: '1' },
    { key: 'a', value: '1' },
  ];
  expect(sortPairs(given).map(formatPair)).toEqual(['a:1', 'a:1', 'a:2', 'b:1']);
});
