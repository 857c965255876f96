import fc from 'fast-check';
import { expect, test } from 'vitest';
import { VariantSet } from './variant-set.ts';

const name = fc.tuple(fc.string({ maxLength: 3 }), fc.constantFrom('aaaa', 'bbbb', 'cccc'));

test('holds what a Set of names holds', () => {
  fc.assert(
    fc.property(fc.array(name, { maxLength: 300 }), fc.array(name), (added, asked) => {
      const set = new VariantSet();
      const oracle = new Set<string>();
      for (const [testId, hash] of added) {
        set.add(testId, hash);
        oracle.add(JSON.stringify([testId, hash]));
      }
      expect(set.size).toBe(oracle.size);
      for (const [testId, hash] of [...added, ...asked]) {
        expect(set.has(testId, hash)).toBe(oracle.has(JSON.stringify([testId, hash])));
      }
    }),
  );
});

test('holds nothing at first', () => {
  expect(new VariantSet().has('', '')).toBe(false);
});

test('tells a hundred thousand variants apart', () => {
  const set = new VariantSet();
  for (let i = 0; i < 100_000; i++) set.add(`test ${i}`, 'aaaa');
  expect(set.size).toBe(100_000);
  for (let i = 0; i < 100_000; i += 997) {
    expect(set.has(`test ${i}`, 'aaaa')).toBe(true);
    expect(set.has(`test ${i}`, 'bbbb')).toBe(false);
  }
});
