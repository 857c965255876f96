/** Reads what the checks of the documents need from Markdown: blocks of code, inline code, and links. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Page {
  /** The path from the root of the project: `docs/queue.md`. */
  readonly path: string;
  readonly text: string;
}

/** A piece of a page, and the line where it begins. */
export interface Piece {
  readonly text: string;
  readonly line: number;
}

export interface Block extends Piece {
  /** `ts`, `sh`, …; empty if the fence names none. */
  readonly language: string;
}

const ROOT = join(import.meta.dirname, '../..');
const PAGES = ['*.md', 'docs/**/*.md', 'packages/*/*.md', 'examples/**/*.md', 'test/**/*.md'];
const FENCE = /^( *)```([a-z]*)\n([\s\S]*?)^\1```$/gm;

/** Finds all pages of the project, except those of installed packages. */
export function readPages(): Page[] {
  const paths = globSync(PAGES, { cwd: ROOT, exclude: ['**/node_modules/**'] });
  return paths.sort().map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }));
}

export function blocksOf({ text }: Page): Block[] {
  return [...text.matchAll(FENCE)].map((match) => ({
    language: match[2] ?? '',
    text: (match[3] ?? '').replaceAll(new RegExp(`^${match[1]}`, 'gm'), ''),
    line: lineAt(text, match.index) + 1,
  }));
}

/** Finds inline code: `` `like this` ``. */
export function spansOf(page: Page): Piece[] {
  const text = withoutBlocks(page);
  return [...text.matchAll(/`([^`]+)`/g)].map((match) => ({
    text: (match[1] ?? '').replaceAll(/\s+/g, ' ').trim(),
    line: lineAt(text, match.index),
  }));
}

/** Finds the targets of a page's links: `../src/x.ts`, `#anchor`, `https://…`. */
export function linksOf(page: Page): Piece[] {
  const text = withoutBlocks(page).replaceAll(/`[^`]+`/g, (code) => code.replaceAll(/[^\n]/g, ' '));
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => ({
    text: match[1] ?? '',
    line: lineAt(text, match.index),
  }));
}

/** Returns the anchors of a page's headings, as GitHub makes them. */
export function anchorsOf(page: Page): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of withoutBlocks(page).matchAll(/^#{1,6} (.*)$/gm)) {
    const words = heading.toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, '');
    const anchor = words.trim().replaceAll(/\s/g, '-');
    let unique = anchor;
    for (let number = 1; anchors.has(unique); number++) unique = `${anchor}-${number}`;
    anchors.add(unique);
  }
  return anchors;
}

/** Returns the page with its blocks blanked out, so that lines keep their numbers. */
function withoutBlocks({ text }: Page): string {
  return text.replaceAll(FENCE, (block) => block.replaceAll(/[^\n]/g, ' '));
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}
