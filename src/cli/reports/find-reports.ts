/**
 * Finds report files by names and glob patterns. Each pattern must find something: if a shard's second
 * runner died before it wrote its report, the first runner's report must not make the shard complete.
 * Only regular files are taken.
 */
import { realpath, stat } from 'node:fs/promises';
import { posix, resolve } from 'node:path';
import { boundedText } from '@postlude/queue/foundations';
import type { Problem } from '../../ingest/report.ts';
import { EarlierFiles } from './earlier-files.ts';
import { linkedFiles } from './linked-files.ts';
import { baseOf, levelsUp, ReportLinks } from './report-links.ts';
import { whyRefused } from './report-patterns.ts';

export interface FoundReports {
  /** Absolute paths, sorted, each once. */
  readonly files: readonly string[];
  /** Files that the patterns match but that have not changed; they are not among `files`. */
  readonly unchanged: readonly string[];
  /** For each pattern that finds nothing, or nothing new, an error; a warning for what it leaves out. */
  readonly problems: readonly Problem[];
}

export interface Search {
  /** A file that has not changed since counts as missing. */
  readonly earlier?: EarlierFiles | undefined;
  /** Also follows links that lead out of the folder: see `ReportLinks`. */
  readonly followLinks?: boolean | undefined;
  /** A pattern that finds nothing, or nothing new, is no problem. */
  readonly mayBeMissing?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Patterns are relative to `cwd`. `!pattern` leaves out files that the others find, even named ones, as
 * shells expand patterns before we see them. Throws the signal's reason once that aborts.
 */
export async function findReports(
  cwd: string,
  patterns: readonly string[],
  search: Search = {},
): Promise<FoundReports> {
  const { earlier = EarlierFiles.none } = search;
  const { accepted, problems } = await acceptedOf(cwd, patterns);
  const wanted = accepted.filter((pattern) => !isNegated(pattern));
  const negated = accepted.filter(isNegated);
  const ignore = await Promise.all(negated.map((pattern) => asGlob(cwd, pattern.slice(1))));
  const files = new Set<string>();
  const unchanged = new Set<string>();
  const byPlace = new Map<string, string>();
  if (wanted.length === 0 && !search.mayBeMissing) problems.push(...negated.map(nothingMatches));
  for (const pattern of wanted) {
    const { found: places, problems: own } = await matches({ cwd, ignore, ...search }, pattern);
    problems.push(...own);
    for (const [place, path] of places) byPlace.set(place, byPlace.get(place) ?? path);
    const found = [...places.keys()].map((place) => byPlace.get(place) ?? place);
    const old = await earlier.unchangedOf(found);
    for (const file of found) (old.has(file) ? unchanged : files).add(file);
    const isExcluded = own.length === 0 && (await isFile(resolve(cwd, pattern)));
    const isTold = own.some(({ severity }) => severity === 'error');
    if (search.mayBeMissing) continue;
    if (found.length === 0 && !isExcluded && !isTold) problems.push(nothingMatches(pattern));
    if (found.length > 0 && found.length === old.size) problems.push(nothingNew(pattern));
  }
  return { files: [...files].sort(), unchanged: [...unchanged].sort(), problems };
}

async function acceptedOf(cwd: string, patterns: readonly string[]) {
  const accepted: string[] = [];
  const problems: Problem[] = [];
  for (const pattern of patterns) {
    const isName = await isFile(resolve(cwd, pattern.replace(/^!/, '')));
    const message = isName ? undefined : whyRefused(pattern);
    if (message === undefined) accepted.push(pattern);
    else problems.push({ file: boundedText(pattern, 100), line: 1, message, severity: 'error' });
  }
  return { accepted, problems };
}

interface Matches {
  /** A path of each file, by its place: however many links lead to it, it counts once. */
  readonly found: ReadonlyMap<string, string>;
  readonly problems: readonly Problem[];
}

async function matches(
  { cwd, followLinks, ignore, signal }: Search & { cwd: string; ignore: string[] },
  pattern: string,
): Promise<Matches> {
  signal?.throwIfAborted();
  const own = await asGlob(cwd, pattern);
  const base = baseOf(cwd, pattern, await isFile(resolve(cwd, pattern)));
  const links = await ReportLinks.of(cwd, base, followLinks);
  if (!(await links.allows(base))) return { found: new Map(), problems: [leadsOutside(pattern)] };
  const options = {
    cwd,
    ignore: ignore.filter((each) => levelsUp(cwd, each) <= levelsUp(cwd, own)),
    absolute: true,
    dot: true,
    expandDirectories: false,
    fs: linkedFiles(links) as never,
    ...(signal && { signal }),
  };
  const { glob } = await import('tinyglobby');
  const paths = await glob(own, options);
  signal?.throwIfAborted(); // A search that was aborted ends early, as if it had found all.
  const problems = links.left === undefined ? [] : [warning(pattern, links.left)];
  return await onlyReports(paths.sort(shorterFirst), { pattern, links, problems });
}

function shorterFirst(path: string, other: string): number {
  return path.length - other.length || (path < other ? -1 : 1);
}

interface Selection {
  readonly pattern: string;
  readonly links: ReportLinks;
  readonly problems: readonly Problem[];
}

/** A link can lead to a pipe or a device, which has no end, or none that comes. */
async function onlyReports(paths: readonly string[], selection: Selection): Promise<Matches> {
  const { pattern, links } = selection;
  const problems = [...selection.problems];
  const byPlace = new Map<string, string>();
  for (const path of paths) {
    const place = await realpath(path).catch(() => undefined);
    if (place === undefined) continue;
    if (!(await isFile(place))) problems.push(warning(path, 'not a regular file'));
    else if (links.areRootsOf(place)) byPlace.set(place, byPlace.get(place) ?? path);
    else if (problems.every(({ severity }) => severity !== 'error')) {
      problems.push(leadsOutside(pattern));
    }
  }
  return { found: byPlace, problems };
}

/** The first dot of a name such as `..a`, which the search takes for the folder above. */
const FIRST_DOTS = /(?<=^|\/)\.(?=\.[^/])/g;

/**
 * Escapes the name of an existing file, which may hold brackets, as those of parameterized suites do. The
 * search takes no empty part, as in `a//`.
 */
async function asGlob(cwd: string, pattern: string): Promise<string> {
  const own = posix.normalize(pattern).replace(/(?<=.)\/$/, '');
  const isName = await isFile(resolve(cwd, own));
  const { escapePath } = await import('tinyglobby');
  return (isName ? escapePath(own) : own).replaceAll(FIRST_DOTS, '[.]');
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

function warning(file: string, message: string): Problem {
  return { file, line: 1, message, severity: 'warning' };
}

function leadsOutside(pattern: string): Problem {
  const message = 'a link leads out of the folder, and is not followed (see --follow-links)';
  return { file: pattern, line: 1, message, severity: 'error' };
}

function nothingMatches(pattern: string): Problem {
  return { file: pattern, line: 1, message: 'no report file was found', severity: 'error' };
}

function nothingNew(pattern: string): Problem {
  const message = 'the command has not written it: the file there is from before';
  return { file: pattern, line: 1, message, severity: 'error' };
}
