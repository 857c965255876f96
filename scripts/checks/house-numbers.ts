/**
 *   npm run house-numbers [-- REVISION…]
 *
 * Measures the sources of revisions (by default, of the working tree) by what the checks of style
 * look at, as one line of a Markdown table for each measure. It changes nothing.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import { readFiles, type SourceFile, treeOf, walk } from './check.ts';
import { measureFlows } from './flows.ts';
import { countFiles } from './folders.ts';
import { countParameters } from './parameters.ts';
import { functionName } from './sizes.ts';
import { words } from './words.ts';

const PROJECT = join(import.meta.dirname, '../..');
const PATTERNS = [
  '{src,test,scripts,bench,examples}/**/*.ts',
  'packages/*/{src,test,examples}/**/*.ts',
  '{,packages/*/}*.md',
  '{,packages/*/}docs/**/*.md',
  '{,packages/*/}proto/**/*.proto',
];
const HERE = 'working tree';

const revisions = process.argv.length > 2 ? process.argv.slice(2) : [HERE];
const columns = revisions.map((revision) => measure(filesOf(revision)));
console.log(`| | ${revisions.join(' | ')} |`);
console.log(`|---|${'---|'.repeat(revisions.length)}`);
for (const name of Object.keys(columns[0] ?? {})) {
  console.log(`| ${name} | ${columns.map((column) => column[name]).join(' | ')} |`);
}

function measure(files: readonly SourceFile[]): Record<string, string> {
  const product = files.filter(isProduct);
  const lengths = product.map(({ text }) => text.split('\n').length - 1);
  const functions = product.flatMap(functionsOf);
  const sizes = functions.map(({ lines }) => lines).sort((a, b) => a - b);
  const folders = [...countFiles(product.map(({ path }) => path)).values()].sort((a, b) => b - a);
  const parameters = functions.map((each) => each.parameters);
  const refused = files.filter((file) => words.applies(file)).flatMap((file) => words.find(file));
  return {
    'files, lines': `${product.length}, ${sum(lengths)}`,
    'longest file': `${Math.max(...lengths)}`,
    'files in the five largest folders': folders.slice(0, 5).join(', '),
    'folders with more than 16 files': `${folders.filter((count) => count > 16).length}`,
    functions: `${functions.length}`,
    'functions: mean / median / longest, in lines': [
      (sum(sizes) / sizes.length).toFixed(1),
      sizes[Math.floor(sizes.length / 2)],
      sizes.at(-1),
    ].join(' / '),
    'functions with more than 3 parameters; the most': `${parameters.filter((count) => count > 3).length}; ${Math.max(...parameters)}`,
    'refused words, in code and documents': `${refused.length}`,
    ...measureFlows(files),
  };
}

/** Published code that is written by hand. */
function isProduct({ path, room }: SourceFile): boolean {
  return room !== undefined && /\.ts$/.test(path) && !/\.test\.ts$|(^|\/)testing\//.test(room);
}

function functionsOf(file: SourceFile): { readonly lines: number; readonly parameters: number }[] {
  const found: { lines: number; parameters: number }[] = [];
  const tree = treeOf(file);
  walk(file, (node) => {
    if (functionName(node) === undefined || !ts.isFunctionLike(node)) return;
    const [first, last] = [node.getStart(), node.getEnd()].map(
      (position) => tree.getLineAndCharacterOfPosition(position).line,
    );
    found.push({ lines: (last ?? 0) - (first ?? 0) + 1, parameters: countParameters(node) });
  });
  return found;
}

function filesOf(revision: string): SourceFile[] {
  if (revision === HERE) return readFrom(PROJECT);
  const folder = mkdtempSync(join(tmpdir(), 'house-numbers-'));
  try {
    const options = { cwd: PROJECT, maxBuffer: 1e9 };
    const archive = execFileSync('git', ['archive', '--format=tar', revision], options);
    execFileSync('tar', ['-x', '-C', folder], { input: archive });
    return readFrom(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function readFrom(folder: string): SourceFile[] {
  return readFiles(folder, PATTERNS).map(({ path, text }) => ({ path, room: roomOf(path), text }));
}

/** Sources were in one folder before they were in packages. */
function roomOf(path: string): string | undefined {
  return /^(?:packages\/[^/]+\/)?src\/(.*)$/.exec(path)?.[1];
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
