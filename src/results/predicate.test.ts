import { describe, expect, test } from 'vitest';
import { matcherOf } from './predicate.ts';
import { variantHash } from './variant.ts';

function tested(testId: string, variant = {}) {
  return { testId, variant, variantHash: variantHash(variant) };
}

describe('the pattern', () => {
  test.each(['', '.*'])('%j matches all', (testIdRegexp) => {
    expect(matcherOf({ testIdRegexp }).matches(tested('anything'))).toBe(true);
  });

  test('matches the whole id', () => {
    const { matches } = matcherOf({ testIdRegexp: 'a|bc' });
    expect(['a', 'bc', 'ab', 'xbc', 'a\n'].map((id) => matches(tested(id)))).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  test('takes linear time where backtracking would take exponential time', () => {
    const { matches } = matcherOf({ testIdRegexp: '(a+)+b' });
    expect(matches(tested('a'.repeat(512)))).toBe(false);
  });

  test.each(['(', 'a(?=b)', '\\1'])('%j is refused', (testIdRegexp) => {
    expect(() => matcherOf({ testIdRegexp })).toThrow(
      expect.objectContaining({ code: 'invalid-argument' }),
    );
  });
});

describe('the variant', () => {
  const linux = { os: 'linux', gpu: 'none' };

  test('equals: all pairs, and no others', () => {
    const { matches } = matcherOf({ variant: { equals: { gpu: 'none', os: 'linux' } } });
    expect(matches(tested('t', linux))).toBe(true);
    expect(matches(tested('t', { os: 'linux' }))).toBe(false);
    expect(matches(tested('t', { ...linux, more: '' }))).toBe(false);
  });

  test('contains: the pairs, and any others', () => {
    const { matches } = matcherOf({ variant: { contains: { os: 'linux' } } });
    expect(matches(tested('t', linux))).toBe(true);
    expect(matches(tested('t', { os: 'mac' }))).toBe(false);
    expect(matches(tested('t'))).toBe(false);
    expect(matcherOf({ variant: { contains: {} } }).matches(tested('t'))).toBe(true);
  });
});
