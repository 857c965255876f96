/** Checks that each sentence of the documents is on a line of its own, and how such lines are found. */
import { expect, test } from 'vitest';
import { readPages } from '../../scripts/docs/markdown.ts';
import { sentenceLines } from '../../scripts/docs/sentence-lines.ts';

test('each sentence of the documents is on a line of its own', () => {
  const wrong = readPages().filter(({ text }) => sentenceLines(text) !== text);
  expect(wrong.map(({ path }) => path)).toEqual([]);
});

test.each([
  ['joins a sentence that was cut', 'One\nsentence.', 'One sentence.'],
  ['parts two of them', 'One. Two! Three? Four.', 'One.\nTwo!\nThree?\nFour.'],
  [
    'keeps the indentation of an item',
    '- One. Two\n  goes on.\n- Three.',
    '- One.\n  Two goes on.\n- Three.',
  ],
  ['numbers stay', '1. One. Two.\n   Three.', '1. One.\n   Two.\n   Three.'],
  [
    'ends no line within code or a link',
    'Say `a. B` or [c. D](e.md). So.',
    'Say `a. B` or [c. D](e.md).\nSo.',
  ],
  ['begins one with code', 'One. `two` is three.', 'One.\n`two` is three.'],
  [
    'knows abbreviations and versions',
    'Use e.g. PostgreSQL 14. 5 is old.',
    'Use e.g. PostgreSQL 14. 5 is old.',
  ],
  ['leaves code alone', '```sh\na. B\nc\n```', '```sh\na. B\nc\n```'],
  [
    'leaves tables and headings alone',
    '# A. B\n| c. D | e |\n|---|---|',
    '# A. B\n| c. D | e |\n|---|---|',
  ],
])('%s', (_, before, after) => {
  expect(sentenceLines(before)).toBe(after);
  expect(sentenceLines(after)).toBe(after);
});

test('formatting changes no word of a page', () => {
  const wordsOf = (text: string): string[] => text.split(/\s+/);
  for (const { path, text } of readPages()) {
    const broken = text.replaceAll('. ', '.\n');
    expect(wordsOf(sentenceLines(broken)), path).toEqual(wordsOf(text));
  }
});
