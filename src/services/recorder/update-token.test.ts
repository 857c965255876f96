import { type CodedError, systemClock } from '@postlude/queue/foundations';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { requireUpdateToken, UpdateTokens } from './update-token.ts';

const NOW = 1_600_000_000_000;
const SEVEN_DAYS_MS = 604_800_000;

function tokensAt(now: number, ...secrets: readonly string[]): UpdateTokens {
  const [current = 'secret', ...older] = secrets;
  return new UpdateTokens({
    secrets: [Buffer.from(current), ...older.map((secret) => Buffer.from(secret))],
    clock: { ...systemClock, now: () => now },
  });
}

function codeOf(fn: () => void): string {
  try {
    fn();
  } catch (error) {
    return (error as CodedError).code;
  }
  return 'ok';
}

test('a token is valid for its own invocation only', () => {
  const tokens = tokensAt(NOW);
  const token = tokens.issue('u-inv');
  expect(tokens.invocationOf(token)).toBe('u-inv');
  expect(codeOf(() => requireUpdateToken(tokens, [token], 'u-inv2'))).toBe('permission-denied');
});

test('a token tells its realm if it is genuine', () => {
  const tokens = tokensAt(NOW);
  const token = tokens.issue('u-inv', 'ci:main');
  expect(tokens.invocationOf(token)).toBe('u-inv');
  expect(tokens.realmOf(token)).toBe('ci:main');
  expect(tokensAt(NOW, 'another secret').realmOf(token)).toBeUndefined();
  expect(tokensAt(NOW + SEVEN_DAYS_MS).realmOf(token)).toBeUndefined();
  expect(tokens.realmOf(tokens.issue('u-inv'))).toBeUndefined();
  expect(tokens.realmOf('x')).toBeUndefined();
});

test('a token ends after seven days', () => {
  const token = tokensAt(NOW).issue('u-inv');
  expect(tokensAt(NOW + SEVEN_DAYS_MS - 1).invocationOf(token)).toBe('u-inv');
  expect(tokensAt(NOW + SEVEN_DAYS_MS).invocationOf(token)).toBeUndefined();
});

test('the issuing clock may be at most 30 seconds ahead', () => {
  const token = tokensAt(NOW).issue('u-inv');
  expect(tokensAt(NOW - 30_000).invocationOf(token)).toBe('u-inv');
  expect(tokensAt(NOW - 30_001).invocationOf(token)).toBeUndefined();
});

test('tokens of older secrets stay valid, and new ones use the first', () => {
  const old = tokensAt(NOW, 'old').issue('u-inv');
  const rotated = tokensAt(NOW, 'new', 'old');
  expect(rotated.invocationOf(old)).toBe('u-inv');
  expect(tokensAt(NOW, 'new').invocationOf(old)).toBeUndefined();
  expect(tokensAt(NOW, 'new').invocationOf(rotated.issue('u-inv'))).toBe('u-inv');
});

test('changing any character makes a token invalid', () => {
  const tokens = tokensAt(NOW);
  const token = tokens.issue('u-inv');
  const altered = fc
    .tuple(fc.nat({ max: token.length - 2 }), fc.constantFrom(...'ABCabc019-_'))
    .filter(([place, character]) => token[place] !== character)
    .map(([place, character]) => token.slice(0, place) + character + token.slice(place + 1));
  fc.assert(fc.property(altered, (text) => tokens.invocationOf(text) === undefined));
});

test('any invocation id makes a token that is valid for it', () => {
  const tokens = tokensAt(NOW);
  fc.assert(fc.property(fc.string(), (id) => tokens.invocationOf(tokens.issue(id)) === id));
});

test('any text is either a valid or an invalid token', () => {
  const tokens = tokensAt(NOW);
  const texts = fc.oneof(fc.string(), fc.base64String(), fc.constantFrom('', '=', 'AQ', '💥'));
  fc.assert(fc.property(texts, (text) => tokens.invocationOf(text) === undefined));
});

test('a call needs exactly one token, of that invocation', () => {
  const tokens = tokensAt(NOW);
  const token = tokens.issue('u-inv');
  expect(codeOf(() => requireUpdateToken(tokens, [], 'u-inv'))).toBe('unauthenticated');
  expect(codeOf(() => requireUpdateToken(tokens, [token, token], 'u-inv'))).toBe(
    'invalid-argument',
  );
  expect(codeOf(() => requireUpdateToken(tokens, ['x'], 'u-inv'))).toBe('permission-denied');
  expect(codeOf(() => requireUpdateToken(tokens, [token], 'other'))).toBe('permission-denied');
  expect(codeOf(() => requireUpdateToken(tokens, [token], 'u-inv'))).toBe('ok');
});
