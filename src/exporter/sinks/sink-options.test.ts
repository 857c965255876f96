import { expect, test } from 'vitest';
import { choice, flag, optional, text, url } from './sink-options.ts';

test.each([
  ['must be set', () => text('').parse(undefined, '/')],
  ['must not be empty', () => text('').parse(' ', '/')],
  ['must be a text', () => text('').parse(['x'], '/')],
  ['must be an http:// or https:// URL', () => url('').parse('example.com', '/')],
  ['must be one of a, b', () => choice('', 'a', 'b').parse('c', '/')],
  ['must be true or false', () => flag('').parse('true', '/')],
])('%s', (message, parse) => {
  expect(parse).toThrow(message);
});

test('values are read as they are written', () => {
  expect(text('').parse(' acme ', '/')).toBe('acme');
  expect(url('').parse('http://127.0.0.1:9000/', '/')).toBe('http://127.0.0.1:9000');
  expect(choice('', 'a', 'b').parse('b', '/')).toBe('b');
  expect(flag('').parse(false, '/')).toBe(false);
});

test('an option may be left out, with a default or without', () => {
  expect(optional(text('')).parse(undefined, '/')).toBeUndefined();
  expect(optional(flag(''), true).parse(undefined, '/')).toBe(true);
  expect(optional(flag(''), true).parse(false, '/')).toBe(false);
});
