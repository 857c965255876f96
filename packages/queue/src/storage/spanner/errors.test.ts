import { expect, test } from 'vitest';
import { CodedError } from '../../foundations/errors.ts';
import {
  isSessionLost,
  mayHaveLanded,
  retryDelayMs,
  toCommitError,
  toStorageError,
} from './errors.ts';

function grpcError(code: number, message: string, metadata?: object): Error {
  return Object.assign(new Error(message), { code, metadata });
}

test.each([
  [5, '5 NOT_FOUND: Database not found: projects/p', 'not-found'],
  [5, '5 NOT_FOUND: Session not found: projects/p', 'unavailable'],
  [6, '6 ALREADY_EXISTS: Row a in table t already exists', 'already-exists'],
  [7, '7 PERMISSION_DENIED: Caller is missing spanner.sessions.create', 'permission-denied'],
  [10, '10 ABORTED: Transaction was aborted', 'conflict'],
  [13, '13 INTERNAL: Received RST_STREAM with code 2', 'unavailable'],
  [14, '14 UNAVAILABLE: No connection established', 'unavailable'],
  [16, '16 UNAUTHENTICATED: Request had invalid credentials', 'unauthenticated'],
])('gRPC status %i (%s) is %s, in the server’s words', (status, message, code) => {
  const cause = grpcError(status, message);
  const error = toStorageError(cause);
  expect(error).toMatchObject({ code, cause });
  expect(error.message).toBe(message.replace(/^\d+ \w+: /, ''));
});

test('an error in our own SQL has no code, as no caller could act on it', () => {
  const error = grpcError(3, '3 INVALID_ARGUMENT: Unrecognized name: nonsense');
  expect(toStorageError(error)).toBe(error);
  expect(toStorageError(grpcError(11, '11 OUT_OF_RANGE: division by zero'))).not.toBeInstanceOf(
    CodedError,
  );
});

test.each([
  [3, 'Invalid value for column', 'invalid-argument'],
  [3, 'The transaction contains too many mutations', 'resource-exhausted'],
  [9, 'owner must not be NULL in table t', 'invalid-argument'],
  [10, 'Transaction was aborted', 'conflict'],
])('a commit refused with status %i (%s) is %s', (status, message, code) => {
  expect(toCommitError(grpcError(status, message))).toMatchObject({ code });
});

test('only a lost answer leaves open whether a call has landed', () => {
  for (const status of [1, 2, 4, 13, 14]) expect(mayHaveLanded(grpcError(status, ''))).toBe(true);
  for (const status of [3, 5, 6, 9, 10]) expect(mayHaveLanded(grpcError(status, ''))).toBe(false);
  expect(mayHaveLanded(new CodedError('unavailable', '', { cause: grpcError(14, '') }))).toBe(true);
});

test('a lost session is distinguished from a missing row or database', () => {
  expect(isSessionLost(grpcError(5, '5 NOT_FOUND: Session not found: s'))).toBe(true);
  expect(isSessionLost(grpcError(5, '5 NOT_FOUND: Database not found: d'))).toBe(false);
  expect(isSessionLost(grpcError(10, 'Session not found'))).toBe(false);
});

test('the pause that the server asks for is read from its RetryInfo', () => {
  const aborted = (info: number[]): Error =>
    grpcError(10, 'aborted', { get: () => [Buffer.from(info)] });
  // Duration { seconds: 1, nanos: 500,000,000 }, of nanos alone, and of nothing
  expect(retryDelayMs(aborted([10, 8, 8, 1, 16, 0x80, 0xca, 0xb5, 0xee, 1]))).toBe(1500);
  expect(retryDelayMs(aborted([10, 5, 16, 0x80, 0xad, 0xe2, 0x04]))).toBe(10);
  expect(retryDelayMs(aborted([10, 0]))).toBe(0);
  expect(retryDelayMs(aborted([18, 0]))).toBeUndefined();
  expect(retryDelayMs(grpcError(10, 'aborted', { get: () => [] }))).toBeUndefined();
  expect(retryDelayMs(new Error('another'))).toBeUndefined();
});
