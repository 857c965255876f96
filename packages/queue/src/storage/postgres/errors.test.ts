import { expect, test } from 'vitest';
import { CodedError } from '../../foundations/errors.ts';
import { isSilence, toStorageError } from './errors.ts';

const withCode = (code: string, message = 'words'): Error =>
  Object.assign(new Error(message), { code });

test.each([
  ['23505', 'already-exists'],
  ['40001', 'conflict'],
  ['40P01', 'conflict'],
  ['08006', 'unavailable'],
  ['57P01', 'unavailable'],
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

test.each([
  ['57014', 'unavailable', 'raise the limit'],
  ['53300', 'unavailable', 'max_connections'],
  ['25P03', 'unavailable', 'try again'],
  ['55P03', 'conflict', 'try again'],
  ['25P02', 'failed-precondition', 'roll the transaction back'],
  ['42P01', 'schema-too-old', 'postlude migrate'],
  ['42703', 'schema-too-old', 'postlude migrate'],
  ['3F000', 'schema-too-old', 'postlude migrate'],
  ['42501', 'misconfigured', 'grant it'],
  ['3D000', 'misconfigured', 'create it'],
  ['28P01', 'misconfigured', 'correct the password'],
  ['26000', 'misconfigured', 'preparedStatements'],
])('%s is %s, and says what to do', (code, expected, advice) => {
  const error = toStorageError(withCode(code));
  expect(error).toMatchObject({ code: expected });
  expect(error.message).toMatch(/^words; /);
  expect(error.message).toContain(advice);
});

test.each(['57P01', '57P02', '57P03', '57P04', '57P05', '25P04', '25006', '08001'])(
  '%s is unavailable',
  (code) => {
    expect(toStorageError(withCode(code))).toMatchObject({ code: 'unavailable' });
  },
);

test('silence is unavailable, and can be distinguished', () => {
  const error = toStorageError(new Error('Query read timeout'));
  expect(error).toMatchObject({ code: 'unavailable' });
  expect(isSilence(error)).toBe(true);
  expect(isSilence(toStorageError(withCode('57P01')))).toBe(false);
});

test('the drivers’ words for a lost connection, which have no code, are unavailable', () => {
  for (const words of [
    'Connection terminated unexpectedly',
    'Client has encountered a connection error and is not queryable',
    'timeout exceeded when trying to connect',
    'timeout expired',
  ]) {
    expect(toStorageError(new Error(words))).toMatchObject({ code: 'unavailable' });
  }
});

test('an error that no caller could act on stays unchanged', () => {
  const syntax = withCode('42601');
  expect(toStorageError(syntax)).toBe(syntax);
  const coded = new CodedError('conflict', 'x');
  expect(toStorageError(coded)).toBe(coded);
  expect(toStorageError('thrown').message).toContain('thrown');
});
