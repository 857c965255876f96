/**
 * Finds report files by names and glob patterns. Each of them must find something: a shard whose
 * second runner died before it wrote its report is not complete because the first one wrote its own.
 */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { glob } from 'tinyglobby';
import type { Problem } from '../ingest/report.ts';

export interface FoundReports {
  /** Absolute, sorted, each once. */
  readonly files: readonly string[];
  /** One for each pattern that nothing matches. */
  readonly problems: readonly Problem[];
}

/** Patterns are relative to `cwd`; `!pattern` leaves out what the others find. */
export async function findReports(cwd: string, patterns: readonly string[]): Promise<FoundReports> {
  const ignore = patterns.filter(isNegated).map((pattern) => pattern.slice(1));
  const files = new Set<string>();
  const problems: Problem[] = [];
  for (const pattern of patterns.filter((one) => !isNegated(one))) {
    const found = await matches(cwd, pattern, ignore);
    for (const file of found) files.add(file);
    if (found.length === 0) problems.push(nothingMatches(pattern));
  }
  return { files: [...files].sort(), problems };
}

async function matches(cwd: string, pattern: string, ignore: string[]): Promise<string[]> {
  const literal = resolve(cwd, pattern);
  // Names may hold brackets, as those of parameterized suites do.
  if (await isFile(literal)) return [literal];
  return glob(pattern, { cwd, ignore, absolute: true, dot: true, expandDirectories: false });
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
