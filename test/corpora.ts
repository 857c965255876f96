/**
 * Compares what ingest understands of shared reports of real runners and of hostile files with the
 * expectation beside them. The two must be equal, or differ for a reason that is listed together with
 * the exact counts.
 */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type Inspection, inspect } from '../src/ingest/inspect.ts';
import type { Counts } from '../src/ingest/report.ts';
import { EXPLAINED } from './corpora-explained.ts';

export interface Comparison {
  readonly name: string;
  /** The counts that the runner printed; for a hostile file, those that it has. */
  readonly expected: string;
  readonly ours: string;
  readonly verdict: 'equal' | 'explained' | 'kept' | 'wrong';
  /** The reason why the difference is right, or what is wrong. */
  readonly reason: string;
}

type PartialCounts = Partial<Counts>;

interface Expected {
  readonly format: string;
  readonly files: readonly string[];
  readonly counts: PartialCounts | null;
  readonly outcome?: 'accept' | 'reject' | 'either';
}

const SHOWN = ['tests', 'passed', 'failed', 'errored', 'skipped', 'flaky'] as const;

const BESIDE = resolve(import.meta.dirname, '../../shared/corpora/given');

export const NO_CORPORA =
  'the shared reports are not there: put them into ../shared/corpora/given beside the project, or name their folder in CORPORA';

/**
 * Returns the folder of the shared reports: the one that CORPORA names, or the one beside the project;
 * `undefined` if they are missing. If CI is set, or if CORPORA names a missing folder, that is an error.
 */
export function corporaFolder(
  { CORPORA, CI }: NodeJS.ProcessEnv = process.env,
  beside = BESIDE,
): string | undefined {
  const folder = CORPORA ? resolve(CORPORA) : beside;
  if (existsSync(folder)) return folder;
  if (CI || CORPORA) throw new Error(`${folder}: ${NO_CORPORA}`);
  return undefined;
}

export async function compareAll(folder: string): Promise<readonly Comparison[]> {
  const comparisons: Comparison[] = [];
  for (const file of globSync('*/*/expected.json', { cwd: folder }).sort()) {
    const name = dirname(file);
    const expected: Expected = JSON.parse(readFileSync(join(folder, file), 'utf8'));
    for (const files of runsOf(expected)) {
      const inspection = await inspect(files.map((report) => join(folder, name, report)));
      const label = files.length === 1 && expected.files.length > 1 ? `${name}/${files[0]}` : name;
      comparisons.push(
        expected.outcome
          ? compareHostile(label, expected, inspection)
          : compareReal(label, expected, inspection),
      );
    }
  }
  return comparisons;
}

/** GoogleTest wrote two runs of the same tests, in two formats. */
function runsOf({ format, files }: Expected): readonly (readonly string[])[] {
  return format === 'gtest-xml+gtest-json' ? files.map((file) => [file]) : [files];
}

function compareReal(name: string, { counts }: Expected, inspection: Inspection): Comparison {
  const shown = { name, expected: show(counts ?? {}), ours: show(inspection.counts) };
  const explained = EXPLAINED[name];
  if (agree(counts ?? {}, inspection.counts)) {
    return explained
      ? { ...shown, verdict: 'wrong', reason: 'equal, but listed as different' }
      : { ...shown, verdict: 'equal', reason: '' };
  }
  return explained && agree(explained.counts, inspection.counts)
    ? { ...shown, verdict: 'explained', reason: explained.why }
    : { ...shown, verdict: 'wrong', reason: 'the difference is not explained' };
}

function compareHostile(name: string, expected: Expected, inspection: Inspection): Comparison {
  const { counts, outcome } = expected;
  const { complete, problems } = inspection;
  const isTold = problems.some(
    ({ file, line, message, severity }) =>
      severity === 'error' && file !== '' && line >= 1 && message !== '',
  );
  const isRefused = !complete && isTold && inspection.counts.tests === 0;
  const isRight = counts !== null && agree(counts, inspection.counts);
  const isKept = {
    accept: complete && isRight,
    reject: isRefused,
    // Without counts no reading is right, so the problem must be reported.
    either: isRefused || (isRight && (complete || isTold)) || (counts === null && isTold),
  }[outcome ?? 'accept'];
  return {
    name,
    expected: `${outcome} ${counts ? show(counts) : ''}`.trim(),
    ours: `${isRefused ? 'reject' : 'accept'} ${isRefused ? '' : show(inspection.counts)}`.trim(),
    verdict: isKept ? 'kept' : 'wrong',
    reason: problems[0] ? `line ${problems[0].line}: ${problems[0].message}` : '',
  };
}

/** Returns whether all expected counts are right. */
function agree(expected: PartialCounts, ours: Counts): boolean {
  return [...SHOWN, 'otherFailures' as const].every(
    (key) => expected[key] === undefined || expected[key] === ours[key],
  );
}

function show(counts: PartialCounts): string {
  return SHOWN.map((key) => counts[key] ?? '-').join(' / ');
}
