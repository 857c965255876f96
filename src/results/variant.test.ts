import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatVariant, parseVariant, variantHash } from './variant.ts';

const variants = fc.dictionary(
  fc.stringMatching(/^[a-z][a-z0-9_]{0,8}$/),
  fc.string({ unit: 'grapheme', maxLength: 10 }),
);

test.each([
  [{}, 'e3b0c44298fc1c14'],
  [{ k: 'v' }, 'b1618cc2bf370a7c'],
])('the hash of %j is that of the reference', (variant, hash) => {
  expect(variantHash(variant)).toBe(hash);
});

test('the order in which pairs are given changes nothing', () => {
  fc.assert(
    fc.property(variants, (variant) => {
      const reversed = Object.fromEntries(Object.entries(variant).reverse());
      expect(variantHash(reversed)).toBe(variantHash(variant));
      expect(formatVariant(reversed)).toEqual(formatVariant(variant));
    }),
  );
});

test('a stored variant parses to its pairs', () => {
  fc.assert(
    fc.property(variants, (variant) => {
      expect(parseVariant(formatVariant(variant))).toEqual({ ...variant });
    }),
  );
});

test('a variant is parsed once while rows share its array', () => {
  const stored = ['os:linux'];
  const variant = parseVariant(stored);
  expect(parseVariant(stored)).toBe(variant);
  expect(parseVariant(['os:mac'])).toEqual({ os: 'mac' });
  expect(parseVariant(stored)).toEqual({ os: 'linux' });
});
