import { expect, test } from 'vitest';
import { boundedText, boundedValue } from './foreign-text.ts';

const BOUNDS = { maxText: 5, maxEntries: 2, maxDepth: 2 };

test('keeps what is within the bounds, and says how long the rest was', () => {
  expect(boundedText('12345', 5)).toBe('12345');
  expect(boundedText('123456', 5)).toBe('12345… (6 characters)');
  expect(boundedText('1234😀', 5)).toBe('1234\ufffd… (6 characters)');
});

test('bounds the entries, the depth and the texts of a value', () => {
  expect(boundedValue({ a: '123456', b: [1, 2, 3] }, BOUNDS)).toEqual({
    a: '12345… (6 characters)',
    b: [1, 2, '… (3 entries)'],
  });
  expect(boundedValue({ a: { b: { c: 1 } } }, BOUNDS)).toEqual({ a: { b: '…' } });
  expect(boundedValue(new Uint8Array(1_000_000), BOUNDS)).toBe('1000000 bytes');
  expect(boundedValue(new Date(0), BOUNDS)).toBe('1970-… (24 characters)');
  expect(boundedValue(7n, BOUNDS)).toBe(7n);
});
