import { expect, test } from 'vitest';
import { checkTestId } from './test-id.ts';

test.each([
  'ninja://chrome/test:unit/Foo.Bar',
  'prüfe Ärger › 日本語 ✓',
  'family 👩‍👧',
  'نمی‌خواهم',
  ' leading and trailing ',
  'x'.repeat(512),
  'é'.repeat(256),
])('accepts %j', (id) => {
  expect(checkTestId(id)).toBe(id);
});

test.each([
  ['', 'must not be empty'],
  ['x'.repeat(513), '513 bytes'],
  ['é'.repeat(257), '514 bytes'],
  ['a\nb', 'U+000A'],
  ['a\tb', 'U+0009'],
  ['a\0b', 'U+0000'],
  ['a\u007fb', 'U+007F'],
  ['a\u2028b', 'U+2028'],
  ['a\u202eb', 'U+202E'],
  ['half \ud800', 'U+D800'],
  ['e\u0301', 'NFC'],
])('refuses %j, saying why', (id, reason) => {
  expect(() => checkTestId(id)).toThrow(
    expect.objectContaining({
      code: 'invalid-argument',
      message: expect.stringContaining(reason),
    }),
  );
});
