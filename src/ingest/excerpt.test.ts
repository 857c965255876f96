import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Excerpt, excerptOf } from './excerpt.ts';

describe('Excerpt', () => {
  it('keeps both ends within its limit, and counts the rest, however the text arrives', () => {
    const word = fc.stringMatching(/^[a-z]*$/);
    fc.assert(
      fc.property(fc.array(word), fc.nat(20), (pieces, limit) => {
        const excerpt = new Excerpt(limit);
        for (const piece of pieces) excerpt.add(piece);
        const whole = pieces.join('');
        const left = whole.length - limit;
        const head = whole.slice(0, Math.ceil(limit / 2));
        const tail = whole.slice(whole.length - Math.floor(limit / 2));
        const told = left > 0 ? `${head}\n… (${left} characters left out) …\n${tail}` : whole;
        expect(excerpt.text).toBe(told.trim());
      }),
    );
  });

  it('keeps the reason at the end of a long text', () => {
    expect(excerptOf(`begin${'x'.repeat(100_000)}end`)).toMatch(/^beginx+\n… .*\nx+end$/s);
  });
});
