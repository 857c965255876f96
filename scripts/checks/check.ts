/** What a check of the sources is, and the proof that it can fail. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

/** The folders that hold the packages' sources. */
export const SOURCE_ROOTS: readonly string[] = ['src', 'packages/queue/src'];

/** Folders with code that is not published. */
const OTHER_CODE = ['test', 'scripts', 'bench', 'examples'];

export interface SourceFile {
  /** Relative to the project. */
  readonly path: string;
  /** Relative to the root of a package's sources; undefined for all other files. */
  readonly room: string | undefined;
  readonly text: string;
}

export interface Offence {
  /** Where in the text it is; the whole file if it is undefined. */
  readonly at?: number | undefined;
  readonly say: string;
}

export interface Check {
  readonly name: string;
  /** Which files it looks at. */
  applies(file: SourceFile): boolean;
  find(file: SourceFile): readonly Offence[];
  /** Paths and texts of files that it must refuse, one offence each, and of files that it must accept. */
  readonly planted: Planted;
}

export interface Planted {
  readonly refused: readonly (readonly [path: string, text: string])[];
  readonly accepted: readonly (readonly [path: string, text: string])[];
}

export function sourceFile(path: string, text: string): SourceFile {
  const root = SOURCE_ROOTS.find((one) => path.startsWith(`${one}/`));
  return { path, room: root && path.slice(root.length + 1), text };
}

/** Returns the project's files with this ending, without generated code and fixtures. */
export function readSourceFiles(project: string, extension: string): SourceFile[] {
  const folders = [...SOURCE_ROOTS, ...OTHER_CODE].map((folder) => `${folder}/**/*.${extension}`);
  return readFiles(project, folders);
}

export function readFiles(project: string, patterns: readonly string[]): SourceFile[] {
  return globSync([...patterns], { cwd: project })
    .filter((path) => !/(^|\/)(gen|fixtures|node_modules|dist)\//.test(path))
    .sort()
    .map((path) => sourceFile(path, readFileSync(join(project, path), 'utf8')));
}

const trees = new WeakMap<SourceFile, ts.SourceFile>();

/** Parses a file once, however many checks ask for it. */
export function treeOf(file: SourceFile): ts.SourceFile {
  const known = trees.get(file);
  if (known) return known;
  const tree = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.Latest, true);
  trees.set(file, tree);
  return tree;
}

/** Calls `visit` with every node of the file. */
export function walk(file: SourceFile, visit: (node: ts.Node) => void): void {
  const step = (node: ts.Node): void => {
    visit(node);
    ts.forEachChild(node, step);
  };
  step(treeOf(file));
}

/** Runs the check on files, and returns its offences as lines to print. */
export function runCheck(check: Check, files: readonly SourceFile[]): string[] {
  return files
    .filter((file) => check.applies(file))
    .flatMap((file) =>
      check.find(file).map(({ at = 0, say }) => `${file.path}:${lineOf(file, at)}: ${say}`),
    );
}

/** Returns what is wrong with the check itself: planted files must be refused, and harmless ones accepted. */
export function provePlanted(check: Check): string[] {
  const countOf = ([path, text]: readonly [string, string]): number =>
    runCheck(check, [sourceFile(path, text)]).length;
  return [
    ...check.planted.refused
      .filter((file) => countOf(file) !== 1)
      .map((file) => `${check.name}: finds ${countOf(file)} offences in: ${file.join(': ')}`),
    ...check.planted.accepted
      .filter((file) => countOf(file) > 0)
      .map((file) => `${check.name}: refuses what is allowed: ${file.join(': ')}`),
  ];
}

function lineOf(file: SourceFile, position: number): number {
  return file.text.slice(0, position).split('\n').length;
}
