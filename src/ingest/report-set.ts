/**
 * Reads the reports of one run together. They are counted together, and recorded only if they are whole.
 */
import { resolve } from 'node:path';
import { addCounts, ExecutionIndex, NO_COUNTS } from './attempts/execution-index.ts';
import { Copies, retoldReports, withoutRetold } from './attempts/repeated-reports.ts';
import type { ExecutionOutcome } from './execution.ts';
import type { Counts, FoundResult, Grouping, Problem, ResultStatus } from './report.ts';
import {
  type Examination,
  examine,
  type IndexFor,
  type ReadableReport,
  type ReportKind,
  readExecutions,
} from './report-file.ts';

export interface ReportSet {
  /** The reports whose results may be recorded. */
  readonly reports: readonly ReadableReport[];
  /** The kinds of the files; damaged files are included if they are recognized. */
  readonly kinds: readonly ReportKind[];
  readonly counts: Counts;
  readonly problems: readonly Problem[];
  /** False if results are missing: a file is damaged, is not understood, or says so itself. */
  readonly isComplete: boolean;
}

/**
 * Reads every file to its end. A report that is given twice counts once: silently if the path is the same,
 * with a warning if it is a copy or the same run in another format. Throws the reason of `signal` if that
 * aborts. File names in ids are relative to `root` if they are below it.
 */
export async function readReportSet(
  paths: readonly string[],
  signal?: AbortSignal,
  root?: string,
): Promise<ReportSet> {
  const distinct = [...new Map(paths.map((path) => [resolve(path), path])).values()];
  const isOneOfMany = distinct.length > 1;
  const runs = new Runs();
  const copies = new Copies();
  const examinations: Examination[] = [];
  for (const [file, path] of distinct.entries()) {
    const { indexFor } = runs;
    const examination = await examine({ path, root, file, indexFor, isOneOfMany, signal });
    examinations.push(await copies.withoutCopy(examination));
  }
  const retold = retoldReports(examinations.flatMap(({ report }) => report ?? []));
  const taken = examinations.map((examination) => withoutRetold(examination, retold));
  const reports = taken.flatMap(({ report }) => report ?? []);
  const problems = taken.flatMap((examination) => examination.problems);
  const isComplete = problems.every(({ severity }) => severity !== 'error');
  const kinds = taken.flatMap(({ kind }) => kind ?? []);
  return { reports, kinds, counts: runs.settle(reports), problems, isComplete };
}

/** Yields the results of one report, in the order of the file. */
export async function* resultsOf(report: ReadableReport): AsyncGenerator<FoundResult> {
  for await (const { execution, testId, position } of readExecutions(report)) {
    const { test, attempt, outcome, ordinal } = report.index.placementOf(position);
    const status = STATUSES[outcome];
    const expected = outcome === 'pass' || outcome === 'skip';
    // Some dialects write a repeated attempt as if it had passed.
    const isRevised = outcome !== execution.outcome;
    const told = isRevised
      ? { ...execution, outcome, summary: REPEATED, errorMessage: undefined }
      : execution;
    yield { execution: told, testId, status, expected, attempt, namesake: test, ordinal };
  }
}

const REPEATED = 'The test was run again; the report does not say why this attempt failed.';

const STATUSES: Readonly<Record<ExecutionOutcome, ResultStatus>> = {
  pass: 'PASS',
  fail: 'FAIL',
  crash: 'CRASH',
  abort: 'ABORT',
  skip: 'SKIP',
  'not-run': 'SKIP',
};

/** Holds one index for each file, or one for a folder if its format writes several files for a run. */
class Runs {
  readonly #runs: { readonly index: ExecutionIndex; readonly grouping: Grouping }[] = [];
  readonly #inFolder = new Map<string, ExecutionIndex>();

  readonly indexFor: IndexFor = ({ folder, grouping }) => {
    const known = grouping.spansFiles ? this.#inFolder.get(resolve(folder)) : undefined;
    if (known) return known;
    const index = new ExecutionIndex();
    this.#runs.push({ index, grouping });
    if (grouping.spansFiles) this.#inFolder.set(resolve(folder), index);
    return index;
  };

  /** Counts the tests of `reports`, each run once. */
  settle(reports: readonly ReadableReport[]): Counts {
    const taken = new Set(reports.map(({ index }) => index));
    const runs = this.#runs.filter(({ index }) => taken.has(index));
    const named = runs.map(({ index, grouping }) => index.settle(grouping));
    const unnamed = reports.map(({ unnamedSkips: skipped }) => {
      return { ...NO_COUNTS, tests: skipped, skipped };
    });
    return [...named, ...unnamed].reduce(addCounts, NO_COUNTS);
  }
}
