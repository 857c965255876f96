import fc from 'fast-check';
import { expect, test } from 'vitest';
import { escapePathSegment, unescapePathSegment } from './path-segment.ts';

test('letters, digits and - _ . ~ $ & + : = @ stand for themselves', () => {
  const plain = 'AZaz09-_.~$&+:=@';
  expect(escapePathSegment(plain)).toBe(plain);
});

test('everything else in ASCII is escaped with upper-case digits', () => {
  expect(escapePathSegment(' !"#%\'()*,/;<>?[\\]^`{|}')).toBe(
    '%20%21%22%23%25%27%28%29%2A%2C%2F%3B%3C%3E%3F%5B%5C%5D%5E%60%7B%7C%7D',
  );
});

test('other text is escaped by its UTF-8 bytes', () => {
  expect(escapePathSegment('é✓')).toBe('%C3%A9%E2%9C%93');
});

test('unescaping restores any text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 50 }), (text) => {
      const segment = escapePathSegment(text);
      return !segment.includes('/') && unescapePathSegment(segment) === text;
    }),
  );
});

test('a plus sign is not a space', () => {
  expect(unescapePathSegment('a+b')).toBe('a+b');
});

test.each(['%', '%2', '%zz', 'a%', '%ff', '%C3'])('%s is not an escaped segment', (segment) => {
  expect(unescapePathSegment(segment)).toBeUndefined();
});

test('half a surrogate pair cannot be escaped', () => {
  expect(() => escapePathSegment('\ud800')).toThrow('not valid Unicode');
});
