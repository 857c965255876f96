import { expect, test } from 'vitest';
import { checkTestId } from './check-id.ts';

test.each([
  'ninja://chrome/test:unit/Foo.Bar',
  'prüfe Ärger › 日本語 ✓',
  'family 👩👧 \ufffd',
  'a:b*c',
  ':mod!junit:pkg:Cls#meth',
  ':mod\\:ule!gtest::Suite#part:other\\:part\\#1',
  ':m!flat::#*fixture',
  ' leading and trailing ',
  'x'.repeat(512),
  'é'.repeat(256),
])('accepts %j', (id) => {
  expect(checkTestId(id)).toBe(id);
});

test.each([
  ['', 'unspecified'],
  ['x'.repeat(513), 'case_name: longer than 512 bytes'],
  ['é'.repeat(257), 'case_name: longer than 512 bytes'],
  ['a\nb', "non-printable rune '\\n' at byte index 1"],
  ['é\tb', "non-printable rune '\\t' at byte index 2"],
  ['a\0b', "non-printable rune '\\x00' at byte index 1"],
  ['a\u007fb', "non-printable rune '\\x7f' at byte index 1"],
  ['a\u00a0b', "non-printable rune '\\u00a0' at byte index 1"],
  ['👩\u200d👧', "non-printable rune '\\u200d' at byte index 4"],
  ['a\u{e0001}b', "non-printable rune '\\U000e0001' at byte index 1"],
  ['half \ud800', "non-printable rune '\\ud800' at byte index 5"],
  ['e\u0301', 'not in unicode normalized form C'],
  ['*x', 'case_name: must not start with \'*\' for tests in the "legacy" module'],
  [':x', "unexpected end of string at byte 2, expected delimiter '!' (test ID pattern is"],
  [':m!', "unexpected end of string at byte 3, expected delimiter ':'"],
  [
    ':m!gtest:::#x',
    "got delimiter character ':' at byte 10; expected normal character, escape sequence or delimiter '#'",
  ],
  [
    ':m!flat::#a#b',
    "got delimiter character '#' at byte 11; expected normal character, escape sequence or end of string",
  ],
  [
    ':é!flat::#a\\',
    'unfinished escape sequence at byte 13, got end of string; expected one of :!#\\',
  ],
  [':m!flat::#\\a', "got unexpected character 'a' at byte 11, while processing escape sequence"],
  [':legacy!legacy::#x', 'module "legacy" may not be used within a structured test ID encoding'],
  [':!flat::#x', 'module_name: unspecified'],
  [`:${'m'.repeat(301)}!flat::#x`, 'module_name: longer than 300 bytes'],
  [':m\ufffd!flat::#x', 'module_name: unicode replacement character (U+FFFD) at byte index 1'],
  [':m!::#x', 'module_scheme: unspecified'],
  [':m!Flat::#x', 'module_scheme: does not match "^[a-z][a-z0-9]*$"'],
  [':m!legacy::#x', 'module_scheme: must not be set to "legacy" except for tests'],
  [':m!junit:a:#x', 'fine_name: unspecified when coarse_name is specified'],
  [':m!junit:+a:b#x', "coarse_name: character '+' may not be used as a leading character"],
  [':m!flat::#', 'case_name: unspecified'],
  [':m!flat::#*x', 'case_name: character * may not be used as a leading character of a case name'],
  [
    ':m!flat::#,x',
    "case_name: character ',' may not be used as a leading character of a case name",
  ],
  [
    ':m!flat::#a::b',
    'case_name: component 2 is empty, each component of the case name must be non-empty',
  ],
  [`:m!flat::#a${'\\#'.repeat(256)}`, 'test ID exceeds 512 bytes in encoded form'],
])('refuses %j, saying why', (id, reason) => {
  expect(() => checkTestId(id)).toThrow(
    expect.objectContaining({
      code: 'invalid-argument',
      message: expect.stringContaining(reason),
    }),
  );
});
