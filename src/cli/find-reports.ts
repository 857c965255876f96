/**
 * Finds report files by names and glob patterns. Each of them must find something: a shard whose
 * second runner died before it wrote its report is not complete because the first one wrote its own.
 */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { escapePath, glob } from 'tinyglobby';
import type { Problem } from '../ingest/report.ts';

export interface FoundReports {
  /** Absolute, sorted, each once. */
  readonly files: readonly string[];
  /** One for each pattern that nothing matches. */
  readonly problems: readonly Problem[];
}

/**
 * Patterns are relative to `cwd`; `!pattern` leaves out what the others find, named files included:
 * shells expand patterns before we see them.
 */
export async function findReports(cwd: string, patterns: readonly string[]): Promise<FoundReports> {
  const wanted = patterns.filter((pattern) => !isNegated(pattern));
  const negated = patterns.filter(isNegated);
  const ignore = await Promise.all(negated.map((pattern) => asGlob(cwd, pattern.slice(1))));
  const files = new Set<string>();
  const problems: Problem[] = wanted.length > 0 ? [] : negated.map(nothingMatches);
  for (const pattern of wanted) {
    const found = await matches(cwd, pattern, ignore);
    for (const file of found) files.add(file);
    const isThere = found.length > 0 || (await isFile(resolve(cwd, pattern)));
    if (!isThere) problems.push(nothingMatches(pattern));
  }
  return { files: [...files].sort(), problems };
}

async function matches(cwd: string, pattern: string, ignore: string[]): Promise<string[]> {
  const options = { cwd, ignore, absolute: true, dot: true, expandDirectories: false };
  return glob(await asGlob(cwd, pattern), options);
}

/** Names may hold brackets, as those of parameterized suites do. */
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
  return { file: pattern, line: 1, message: 'no report file is there', severity: 'error' };
}
