/**
 * Copies the documents and examples of the queue into its package, where its users read them. Links to pages
 * that are not copied become plain text. Run by `npm pack`, before the package is packed.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
const PACKAGE = join(ROOT, 'packages/queue');
const PAGES = [
  'docs/queue.md',
  'docs/tq.md',
  'docs/tq-reference.md',
  'docs/storage.md',
  'docs/scale.md',
  'docs/tutorials/first-queue.md',
  'docs/decisions/0002-in-process-delivery.md',
  'docs/decisions/0005-commit-marks.md',
];
const EXAMPLES = ['examples/queue.ts', 'examples/outbox.ts', 'examples/exactly-once.ts'];

const copied = new Set([...PAGES, ...EXAMPLES]);
for (const folder of ['docs', 'examples']) {
  rmSync(join(PACKAGE, folder), { recursive: true, force: true });
}
for (const path of copied) {
  const text = readFileSync(join(ROOT, path), 'utf8');
  const target = join(PACKAGE, path);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, path.endsWith('.md') ? withinPackage(path, text) : text);
}

function withinPackage(path: string, text: string): string {
  return text.replaceAll(/\[([^\]]+)\]\(([^)\s]+)\)/g, (link, words: string, target: string) => {
    if (/^([a-z]+:|#)/.test(target)) return link;
    const [file = ''] = target.split('#');
    return copied.has(normalize(join(dirname(path), file))) ? link : words;
  });
}
