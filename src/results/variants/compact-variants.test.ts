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

test('holds the same as a Set of names, whatever is added and deleted, in any order', () => {
  const change = fc.tuple(fc.boolean(), name);
  fc.assert(
    fc.property(fc.array(change, { maxLength: 1_000, size: 'max' }), (changes) => {
      const set = new CompactVariantSet();
      const oracle = new Set<string>();
      for (const [isAdded, variant] of changes) {
        if (isAdded) set.add(variant);
        else set.delete(variant);
        if (isAdded) oracle.add(JSON.stringify(variant));
        else oracle.delete(JSON.stringify(variant));
        expect(set.size).toBe(oracle.size);
      }
      for (const [, variant] of changes) {
        expect(set.has(variant)).toBe(oracle.has(JSON.stringify(variant)));
      }
    }),
  );
});

test('does not grow by what is added and deleted again and again', () => {
  const set = new CompactVariantSet();
  for (let i = 0; i < 100_000; i++) {
    set.add({ testId: `test ${i}`, variantHash: 'aaaa' });
    set.delete({ testId: `test ${i}`, variantHash: 'aaaa' });
  }
  expect(set.size).toBe(0);
  expect(set.bytes).toBe(1024);
});

test('takes at most 48 bytes for each of many variants', () => {
  const set = new CompactVariantSet();
  for (let i = 0; i < 200_000; i++) set.add({ testId: `test ${i}`, variantHash: 'aaaa' });
  expect(set.bytes / set.size).toBeLessThanOrEqual(48);
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
