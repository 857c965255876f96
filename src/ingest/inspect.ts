/**
 * Reads test reports and says how they are understood, without recording anything.
 */
import type { Counts, Problem } from './report.ts';
import { type ReportSet, readReportSet } from './report-set.ts';

export interface Inspection {
  /** A FormatName; `mixed` if the files differ, `unknown` if none is understood. */
  readonly format: string;
  /** The producer; `mixed` and `unknown` as in `format`, `generic` if the files do not show it. */
  readonly dialect: string;
  readonly counts: Counts;
  readonly problems: readonly Problem[];
  /** False if results are missing, so that `counts` are not those of the run. */
  readonly complete: boolean;
}

/**
 * Reads all files as one run. It never throws because a file is damaged, but reports a problem.
 * Throws the reason of `signal` if that aborts.
 */
export async function inspect(
  paths: readonly string[],
  signal?: AbortSignal,
  root?: string,
): Promise<Inspection> {
  return inspectionOf(await readReportSet(paths, signal, root));
}

export function inspectionOf({ kinds, counts, problems, isComplete }: ReportSet): Inspection {
  return {
    format: common(kinds.map(({ format }) => format)),
    dialect: common(kinds.map(({ dialect }) => dialect)),
    counts,
    problems,
    complete: isComplete,
  };
}

function common(names: readonly string[]): string {
  const [first = 'unknown', ...others] = new Set(names);
  return others.length === 0 ? first : 'mixed';
}
