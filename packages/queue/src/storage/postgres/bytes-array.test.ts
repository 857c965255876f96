import { expect, test } from 'vitest';
import { encodeBytesArray } from './bytes-array.ts';

test('is a header, and the length and bytes of each element', () => {
  const array = encodeBytesArray([Uint8Array.of(1, 2), new Uint8Array(), Buffer.from('abc')]);
  const header = '00000001 00000000 00000011 00000003 00000001';
  const elements = '00000002 0102 00000000 00000003 616263';
  expect(array.toString('hex')).toBe(`${header} ${elements}`.replaceAll(' ', ''));
});

test('says that there are NULLs, which have no length', () => {
  const array = encodeBytesArray([undefined, Uint8Array.of(9)]);
  const header = '00000001 00000001 00000011 00000002 00000001';
  expect(array.toString('hex')).toBe(`${header} ffffffff 00000001 09`.replaceAll(' ', ''));
});

test('holds parts of larger buffers, and refuses what is not bytes', () => {
  const part = Buffer.from('0123456789').subarray(3, 6);
  expect(encodeBytesArray([part]).toString('latin1').slice(-3)).toBe('345');
  expect(() => encodeBytesArray(['text'])).toThrow('expected bytes, got string');
});
