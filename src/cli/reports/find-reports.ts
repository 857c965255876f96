/**
 * Finds report files by names and glob patterns. Each pattern must find something: if a shard's second
 * runner died before it wrote its report, the first runner's report must not make the shard complete.
 */
import { realpath, stat } from 'node:fs/promises';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { escapePath, glob } from 'tinyglobby';
import type { Problem } from '../../ingest/report.ts';
import { EarlierFiles } from './earlier-files.ts';
import { linkedFiles } from './linked-files.ts';

export interface FoundReports {
  /** Absolute paths, sorted, each once. */
  readonly files: readonly string[];
  /** Files that the patterns match but that have not changed; they are not among `files`. */
  readonly unchanged: readonly string[];
  /** One problem for each pattern that finds nothing, or nothing new. */
  readonly problems: readonly Problem[];
}

/**
 * Patterns are relative to `cwd`. `!pattern` leaves out files that the others find, even named ones, as
 * shells expand patterns before we see them. A file that has not changed since `earlier` counts as
 * missing.
 */
export async function findReports(
  cwd: string,
  patterns: readonly string[],
  earlier = EarlierFiles.none,
): Promise<FoundReports> {
  const wanted = patterns.filter((pattern) => !isNegated(pattern));
  const negated = patterns.filter(isNegated);
  const ignore = await Promise.all(negated.map((pattern) => asGlob(cwd, pattern.slice(1))));
  const files = new Set<string>();
  const unchanged = new Set<string>();
  const problems: Problem[] = wanted.length > 0 ? [] : negated.map(nothingMatches);
  for (const pattern of wanted) {
    const { files: found, isOutside } = await matches(cwd, pattern, ignore);
    if (isOutside) problems.push(leadsOutside(pattern));
    const old = await earlier.unchangedOf(found);
    for (const file of found) (old.has(file) ? unchanged : files).add(file);
    if (found.length === 0 && !isOutside && !(await isFile(resolve(cwd, pattern)))) {
      problems.push(nothingMatches(pattern));
    }
    if (found.length > 0 && found.length === old.size) problems.push(nothingNew(pattern));
  }
  return { files: [...files].sort(), unchanged: [...unchanged].sort(), problems };
}

/** Folders that are links are entered only if the pattern itself names them (`bazel-testlogs/**`). */
async function matches(cwd: string, pattern: string, ignore: string[]): Promise<Matches> {
  const options = { cwd, ignore, absolute: true, dot: true, expandDirectories: false };
  const own = await asGlob(cwd, pattern);
  const found = await glob(own, {
    ...options,
    followSymbolicLinks: false,
    fs: linkedFiles as never,
  });
  const root = await realpath(resolve(cwd, namedFolder(own))).catch(() => cwd);
  const byPlace = new Map<string, string>();
  let isOutside = false;
  for (const path of found.sort()) {
    const place = await realpath(path).catch(() => undefined);
    if (place === undefined || !(await isFile(place))) continue;
    if (isWithin(root, place)) byPlace.set(place, byPlace.get(place) ?? path);
    else isOutside = true;
  }
  return { files: [...byPlace.values()], isOutside };
}

interface Matches {
  /** Each file once, however many links lead to it. */
  readonly files: readonly string[];
  /** A link leads out of the folder that the pattern names. */
  readonly isOutside: boolean;
}

/** Returns the folders that a pattern names before its first wildcard. */
function namedFolder(pattern: string): string {
  const parts = pattern.split('/');
  const wild = parts.findIndex((part) => /[*?[\]{}()!+@]/.test(part));
  const folders = parts.slice(0, wild < 0 ? -1 : wild);
  return folders.join('/') || (isAbsolute(pattern) ? '/' : '.');
}

function isWithin(root: string, path: string): boolean {
  const inRoot = relative(root, path);
  return !isAbsolute(inRoot) && inRoot.split(sep)[0] !== '..';
}

/** Escapes the name of an existing file, which may hold brackets, as those of parameterized suites do. */
async function asGlob(cwd: string, pattern: string): Promise<string> {
  return (await isFile(resolve(cwd, pattern))) ? escapePath(pattern) : pattern;
}

async function isFile(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

function isNegated(pattern: string): boolean {
  return pattern.startsWith('!');
}

function nothingMatches(pattern: string): Problem {
  return { file: pattern, line: 1, message: 'no report file was found', severity: 'error' };
}

function leadsOutside(pattern: string): Problem {
  const message = 'a link leads out of the folder, and is not followed: name the file itself';
  return { file: pattern, line: 1, message, severity: 'error' };
}

function nothingNew(pattern: string): Problem {
  const message = 'the command has not written it: the file there is from before';
  return { file: pattern, line: 1, message, severity: 'error' };
}
