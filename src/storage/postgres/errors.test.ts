import { expect, test } from 'vitest';
import { CodedError } from '../../errors.ts';
import { toStorageError } from './errors.ts';

const withCode = (code: string, message = 'words'): Error =>
  Object.assign(new Error(message), { code });

test.each([
  ['23505', 'already-exists'],
  ['40001', 'conflict'],
  ['40P01', 'conflict'],
  ['08006', 'unavailable'],
  ['57P01', 'unavailable'],
  ['53300', 'unavailable'],
  ['ECONNREFUSED', 'unavailable'],
  ['ECONNRESET', 'unavailable'],
  ['EPIPE', 'unavailable'],
  ['53100', 'resource-exhausted'],
  ['22021', 'invalid-argument'],
  ['CONNECTION_CLOSED', 'unavailable'],
])('%s is %s, and keeps its cause and words', (code, expected) => {
  const cause = withCode(code);
  const error = toStorageError(cause);
  expect(error).toMatchObject({ code: expected, message: 'words' });
  expect(error.cause).toBe(cause);
});

test('the drivers’ words for a lost connection, which have no code, are unavailable', () => {
  for (const words of [
    'Connection terminated unexpectedly',
    'Client has encountered a connection error and is not queryable',
    'timeout exceeded when trying to connect',
  ]) {
    expect(toStorageError(new Error(words))).toMatchObject({ code: 'unavailable' });
  }
});

test('what nobody could act on stays as it is', () => {
  const syntax = withCode('42601');
  expect(toStorageError(syntax)).toBe(syntax);
  const coded = new CodedError('conflict', 'x');
  expect(toStorageError(coded)).toBe(coded);
  expect(toStorageError('thrown').message).toContain('thrown');
});
