import fc from 'fast-check';
import { expect, test } from 'vitest';
import { partBytesOf } from './s3-multipart.ts';

const MIB = 1024 * 1024;

test('a file of any size that S3 accepts has at most 10,000 parts of at least 8 MiB', () => {
  fc.assert(
    fc.property(fc.nat({ max: 5 * 1024 ** 4 }), (bytes) => {
      const partBytes = partBytesOf(bytes);
      expect(partBytes).toBeGreaterThanOrEqual(8 * MIB);
      expect(Math.ceil(bytes / partBytes)).toBeLessThanOrEqual(10_000);
      expect(partBytes % MIB).toBe(0);
    }),
  );
});

test('parts grow only if they must', () => {
  expect(partBytesOf(80_000 * MIB)).toBe(8 * MIB);
  expect(partBytesOf(80_000 * MIB + 1)).toBe(9 * MIB);
});
