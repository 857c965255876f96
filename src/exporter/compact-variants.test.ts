import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CompactVariantSet } from './compact-variants.ts';

const name = fc.record({
  testId: fc.string({ maxLength: 3 }),
  variantHash: fc.constantFrom('aaaa', 'bbbb', 'cccc'),
});

test('holds the same variants as a Set of names', () => {
  fc.assert(
    fc.property(fc.array(name, { maxLength: 300 }), fc.array(name), (added, asked) => {
      const set = new CompactVariantSet();
      const oracle = new Set<string>();
      for (const variant of added) {
        set.add(variant);
        oracle.add(JSON.stringify(variant));
      }
      expect(set.size).toBe(oracle.size);
      for (const variant of [...added, ...asked]) {
        expect(set.has(variant)).toBe(oracle.has(JSON.stringify(variant)));
      }
    }),
  );
});

test('holds nothing at first', () => {
  expect(new CompactVariantSet().has({ testId: '', variantHash: '' })).toBe(false);
});

test('distinguishes a hundred thousand variants', () => {
  const set = new CompactVariantSet();
  for (let i = 0; i < 100_000; i++) set.add({ testId: `test ${i}`, variantHash: 'aaaa' });
  expect(set.size).toBe(100_000);
  for (let i = 0; i < 100_000; i += 997) {
    expect(set.has({ testId: `test ${i}`, variantHash: 'aaaa' })).toBe(true);
    expect(set.has({ testId: `test ${i}`, variantHash: 'bbbb' })).toBe(false);
  }
});
