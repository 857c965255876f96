import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Excerpt } from './excerpt.ts';

describe('Excerpt', () => {
  it('keeps the beginning up to its limit, and counts the rest, however the text arrives', () => {
    const word = fc.stringMatching(/^[a-z]*$/);
    fc.assert(
      fc.property(fc.array(word), fc.nat(20), (pieces, limit) => {
        const excerpt = new Excerpt(limit);
        for (const piece of pieces) excerpt.add(piece);
        const whole = pieces.join('');
        const left = whole.length - limit;
        const told = left > 0 ? `${whole.slice(0, limit)}\n… (${left} more characters)` : whole;
        expect(excerpt.text).toBe(told);
      }),
    );
  });
});
