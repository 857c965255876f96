import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Line, LineSplitter } from './line-splitter.ts';

describe('LineSplitter', () => {
  it('yields the same lines wherever the text is cut into chunks', () => {
    const piece = fc.constantFrom('a', 'bc', '\n', '\r\n', '\r', '', '日本語');
    fc.assert(
      fc.property(fc.array(piece), fc.array(fc.nat(20)), (pieces, cuts) => {
        const text = pieces.join('');
        expect(textsOf(split(chunksOf(text, cuts)))).toEqual(linesOf(text));
      }),
    );
  });

  it('cuts off a line at the limit, says so, and goes on with the next', () => {
    const lines = split(['aaaaa', 'bbbbb\nnext\n'], 7);
    expect(lines).toEqual([
      { text: 'aaaaabb', number: 1, isCutOff: true, isClosed: true },
      { text: 'next', number: 2, isCutOff: false, isClosed: true },
    ]);
  });

  it('marks a last line without a line ending', () => {
    expect(split(['one\ntwo']).map((line) => line.isClosed)).toEqual([true, false]);
  });
});

function split(chunks: readonly string[], maxLength?: number): Line[] {
  const splitter = new LineSplitter(maxLength);
  return [...chunks.flatMap((chunk) => [...splitter.push(chunk)]), ...splitter.end()];
}

function textsOf(lines: readonly Line[]): string[] {
  return lines.map((line) => line.text);
}

function linesOf(text: string): string[] {
  const lines = text.split('\n').map((line) => line.replace(/\r$/, ''));
  // A text that ends with a line end has no further line, but a lone CR at the end is a line.
  return text === '' || text.endsWith('\n') ? lines.slice(0, -1) : lines;
}

function chunksOf(text: string, cuts: readonly number[]): string[] {
  const places = [0, ...cuts.map((cut) => Math.min(cut, text.length)), text.length].sort(
    (a, b) => a - b,
  );
  return places.slice(1).map((place, index) => text.slice(places[index], place));
}
