/**
 * Gives each sentence of the documents a line of its own (scripts/docs/sentence-lines.ts). With `--check` it
 * changes nothing, prints the pages that differ, and exits with 1 if there are any.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readPages } from './markdown.ts';
import { sentenceLines } from './sentence-lines.ts';

const isCheck = process.argv.includes('--check');
const changed = readPages().filter(({ text }) => sentenceLines(text) !== text);
for (const { path, text } of changed) {
  if (isCheck) console.error(`${path}: a sentence a line, please: npm run format`);
  else writeFileSync(join(import.meta.dirname, '../..', path), sentenceLines(text));
}
console.log(`format-markdown: ${changed.length} pages ${isCheck ? 'differ' : 'changed'}`);
if (isCheck && changed.length > 0) process.exitCode = 1;
