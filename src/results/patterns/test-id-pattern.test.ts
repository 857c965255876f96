import fc from 'fast-check';
import { RE2JS } from 're2js';
import { describe, expect, test } from 'vitest';
import { estimateRunes, estimateSize } from './pattern-size.ts';
import { MAX_PATTERN_SIZE, TestIdPattern } from './test-id-pattern.ts';

const PIECES =
  'a b c ( (?: (?i) (?s) (?m) (?U) (?P<n>a) ) | * + ? {3} {2,5} {0,4} {1,} . [a-c] [^b] []a] \\pL \\PN [\\pL\\d] \\w \\b \\B ^ $ \\A \\z é [é-ü] 😀 [a-😀] \\n \\x{e9} \\Qa{3}\\E \\Q\\E [[:alpha:]] (|b) (a?){9} *? }';

const patterns = fc
  .array(fc.constantFrom(...PIECES.split(' ')), { maxLength: 12 })
  .map((pieces) => pieces.join(''))
  .filter((pattern) => compiled(pattern) !== undefined);

const texts = fc
  .array(fc.constantFrom(...'abcABC_- .\n0é😀'), { maxLength: 12 })
  .map((runes) => runes.join(''));

function compiled(pattern: string): RE2JS | undefined {
  try {
    return RE2JS.compile(pattern);
  } catch {
    return undefined;
  }
}

describe('a pattern', () => {
  test('matches what RE2 matches', () => {
    fc.assert(
      fc.property(patterns, fc.array(texts, { maxLength: 8 }), (pattern, ids) => {
        const ours = TestIdPattern.compile(pattern);
        const theirs = RE2JS.compile(pattern);
        expect(ids.map((id) => ours.matches(id))).toEqual(ids.map((id) => theirs.matches(id)));
      }),
      { numRuns: 1_000 },
    );
  });

  test('matches the same when it has forgotten its states', () => {
    const pattern = '(.*a.{9}b)+(.*c.{9}b)+.*';
    const ours = TestIdPattern.compile(pattern);
    const theirs = RE2JS.compile(pattern);
    for (let seed = 1; seed <= 150; seed += 1) {
      const id = idOf(seed);
      expect(ours.matches(id)).toBe(theirs.matches(id));
    }
  });

  test('never costs more than each instruction for each rune, or twice that', () => {
    const pattern = '((a?){30}){30}.*b';
    const ours = TestIdPattern.compile(pattern);
    const perRune = 3 * RE2JS.compile(pattern).programSize();
    expect(ours.matches('a'.repeat(512))).toBe(false);
    expect(ours.work).toBeLessThan(513 * perRune);
    expect(ours.matches(`${'a'.repeat(511)}b`)).toBe(true);
    expect(ours.work).toBeLessThan(2 * 513 * perRune);
  });

  test('costs one step for each rune of ids that are alike', () => {
    const ours = TestIdPattern.compile('.*(checkout|payment|login).*');
    for (let index = 0; index < 100; index += 1) ours.matches(`suite/checkout/case-${index}`);
    const before = ours.work;
    for (let index = 0; index < 100; index += 1) ours.matches(`suite/checkout/case-${index}`);
    expect(ours.work - before).toBe(100 * 'suite/checkout/case-.'.length + 190);
  });
});

describe('the size of a pattern', () => {
  test('is never estimated too small', () => {
    fc.assert(
      fc.property(patterns, (pattern) => {
        expect(estimateSize(pattern)).toBeGreaterThanOrEqual(RE2JS.compile(pattern).programSize());
      }),
      { numRuns: 1_000 },
    );
  });

  test.each(['((){00})', 'a{01}', 'a{2,03}', '(a{0,00})', 'a{ 1}'])(
    'what is text in braces for RE2 counts as text: %s',
    (pattern) => {
      expect(estimateSize(pattern)).toBeGreaterThanOrEqual(RE2JS.compile(pattern).programSize());
    },
  );

  test.each(['((a?){30}){30}((b?){30}){30}', '(\\pL{2,900}x){50}', 'a{1000}'.repeat(50)])(
    '%s is refused, with the reason',
    (pattern) => {
      expect(() => TestIdPattern.compile(pattern)).toThrow(
        expect.objectContaining({
          code: 'invalid-argument',
          message: expect.stringMatching(/the pattern has about \d+ steps after its counted/),
        }),
      );
    },
  );

  test.each(['(?i)[a-\u{1ffff}]'.repeat(200), '(?i)[\\x{0}-\\x{fffff}]', '\\pL'.repeat(1300)])(
    'classes whose runes take too long to look up are refused: %.30s',
    (pattern) => {
      expect(estimateRunes(pattern)).toBeGreaterThan(1_000_000);
      expect(() => TestIdPattern.compile(pattern)).toThrow('too many classes');
    },
  );

  test.each([
    'a'.repeat(4096),
    'a|'.repeat(2047),
    'a*'.repeat(2048),
    '(a)'.repeat(1365),
    '(?i)checkout[\\pL\\d]{1,64}',
    '\\p{Greek}{1,100}[^/]{0,512}',
  ])('is not too large if there are no large repetitions: %.30s', (pattern) => {
    expect(estimateSize(pattern)).toBeLessThanOrEqual(MAX_PATTERN_SIZE);
    expect(() => TestIdPattern.compile(pattern)).not.toThrow();
  });

  test.each(['[', '[\\'.repeat(2000), '\\p{'.repeat(900), '['.repeat(4096), '('.repeat(4096)])(
    'an invalid pattern is refused as such: %.30s',
    (pattern) => {
      expect(() => TestIdPattern.compile(pattern)).toThrow('not a valid RE2 pattern');
    },
  );
});

/** Each leads to states that no other has led to. */
function idOf(seed: number): string {
  let state = seed * 7919;
  return Array.from({ length: 500 }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return 'abc'[(state >>> 16) % 3];
  }).join('');
}
