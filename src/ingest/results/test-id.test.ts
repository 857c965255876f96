import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkTestId } from '../../results/identity/check-id.ts';
import { shortenTo, testIdOf } from './test-id.ts';

describe('testIdOf', () => {
  it.each([
    [[], 'name', 'name'],
    [['a.B'], 'c', 'a.B::c'],
    [['', ' a '], ' c', 'a::c'],
    [[], '', '(unnamed)'],
    [['a'], 'line\n\ttab\x1b', 'a::line\\n\\ttab\\u{1b}'],
    [[], '😀 \ud800', '😀 \\u{d800}'],
    [[], '👩\u200d👧', '👩\\u{200d}👧'],
    [[], ':x', '\\u{3a}x'],
    [[], '*', '\\u{2a}'],
    [[], 'e\u0301', 'é'],
    [[], 'e\r\u0301', 'e\\ŕ'],
  ])('names %j %j %j', (suite, name, id) => {
    expect(testIdOf(suite, name).id).toBe(id);
  });

  it('gives an id that may be recorded, for any names', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'binary' })),
        fc.string({ unit: 'binary', maxLength: 2000 }),
        (suite, name) => {
          expect(() => checkTestId(testIdOf(suite, name).id)).not.toThrow();
        },
      ),
    );
  });

  it('keeps the beginning of names that are too long, and distinguishes their ends', () => {
    const [one, other] = ['1', '2'].map((end) => testIdOf([], `begins ${'ü'.repeat(600)} ${end}`));
    expect(one?.id).toMatch(/^begins ü+…[0-9a-f]{16}$/);
    expect(one?.isShortened).toBe(true);
    expect(one?.fullName).toHaveLength(609);
    expect(one?.id).not.toBe(other?.id);
  });
});

describe('shortenTo', () => {
  it('keeps the longest beginning of whole characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(40), (text, maxBytes) => {
        const kept = shortenTo(text, maxBytes);
        const next = [...text.slice(kept.length)][0] ?? '';
        expect(text.startsWith(kept)).toBe(true);
        expect(Buffer.byteLength(kept)).toBeLessThanOrEqual(maxBytes);
        if (next !== '') expect(Buffer.byteLength(kept + next)).toBeGreaterThan(maxBytes);
      }),
    );
  });
});
