/**
 * Finds report files by names and glob patterns. Each pattern must find something: if a shard's second
 * runner died before it wrote its report, the first runner's report must not make the shard complete.
 */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { escapePath, glob } from 'tinyglobby';
import type { Problem } from '../../ingest/report.ts';
import { EarlierFiles } from './earlier-files.ts';

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
    const found = await matches(cwd, pattern, ignore);
    const old = await earlier.unchangedOf(found);
    for (const file of found) (old.has(file) ? unchanged : files).add(file);
    if (found.length === 0 && !(await isFile(resolve(cwd, pattern)))) {
      problems.push(nothingMatches(pattern));
    }
    if (found.length > 0 && found.length === old.size) problems.push(nothingNew(pattern));
  }
  return { files: [...files].sort(), unchanged: [...unchanged].sort(), problems };
}

async function matches(cwd: string, pattern: string, ignore: string[]): Promise<string[]> {
  const options = { cwd, ignore, absolute: true, dot: true, expandDirectories: false };
  return glob(await asGlob(cwd, pattern), options);
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

function nothingNew(pattern: string): Problem {
  const message = 'the command has not written it: the file there is from before';
  return { file: pattern, line: 1, message, severity: 'error' };
}
