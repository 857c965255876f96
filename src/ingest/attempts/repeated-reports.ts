/**
 * Finds reports that repeat another report of the set, so that nothing counts twice.
 *
 * - A copy has the same content, whatever its path. Only if no test has a name, as in `ok 1`, may two files
 *   with the same content be about different tests: then only the same file is a copy.
 * - A run may be reported again in another format of the same runner (JUnit XML beside
 *   `gotestsum --jsonfile`). Files of one format never repeat each other that way: a run that was repeated
 *   has the same tests as well.
 */
import { realpath } from 'node:fs/promises';
import type { Problem } from '../report.ts';
import type { Examination, ReadableReport } from '../report-file.ts';
import { runnerOf } from './run-signature.ts';

export class Copies {
  readonly #paths = new Map<string, string>();

  /** Call it after a file was examined, before the next file is. */
  async withoutCopy(examination: Examination): Promise<Examination> {
    const { report } = examination;
    if (!report || report.executions === 0) return examination;
    const place = report.isNameless ? await realPathOf(report.path) : '';
    const key = `${report.contentHash} ${place}`;
    const original = this.#paths.get(key);
    if (original === undefined) {
      this.#paths.set(key, report.path);
      return examination;
    }
    report.index.cutTo(report.firstPosition);
    return leftOut(examination, `the same report as ${original}, so it is taken once`);
  }
}

/** Returns the reports that another report replaces, with the path of that other report. */
export function retoldReports(
  reports: readonly ReadableReport[],
): ReadonlyMap<ReadableReport, string> {
  const retold = new Map<ReadableReport, string>();
  for (const same of Map.groupBy(reports, runKeyOf).values()) {
    if (runKeyOf(same[0]) === '') continue;
    const kept = fullestFormat(same);
    for (const report of same) {
      if (!kept.includes(report)) retold.set(report, kept[0]?.path ?? '');
    }
  }
  return retold;
}

export function withoutRetold(
  examination: Examination,
  retold: ReadonlyMap<ReadableReport, string>,
): Examination {
  const better = examination.report && retold.get(examination.report);
  if (better === undefined) return examination;
  return leftOut(examination, `${better} tells the same tests in another format: taken from there`);
}

/** Returns '' for a report that is not compared. */
function runKeyOf(report: ReadableReport | undefined): string {
  const runner = report && runnerOf(report.dialect);
  // If several files of a folder share an index, none of them is a whole run.
  if (!report?.signature || !runner || report.firstPosition > 0) return '';
  return `${runner} ${report.signature}`;
}

/** Returns all reports of the format with the most reports or, if that is a tie, the most executions. */
function fullestFormat(same: readonly ReadableReport[]): readonly ReadableReport[] {
  const formats = [
    ...Map.groupBy(same, ({ format, dialect }) => `${format.name} ${dialect}`).values(),
  ];
  const held = (reports: readonly ReadableReport[]) =>
    reports.reduce((sum, { executions }) => sum + executions, 0);
  return formats.reduce((best, reports) => {
    const isFuller = reports.length - best.length || held(reports) - held(best);
    return isFuller > 0 ? reports : best;
  });
}

async function realPathOf(path: string): Promise<string> {
  return await realpath(path).catch(() => path);
}

/** Drops the report with its warnings, as the other report has the same ones. */
function leftOut({ report }: Examination, message: string): Examination {
  const file = report?.path ?? '';
  const problem: Problem = { file, line: 1, message, severity: 'warning' };
  return { report: undefined, kind: undefined, problems: [problem] };
}
