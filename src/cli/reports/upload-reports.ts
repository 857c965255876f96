/**
 * Uploads test reports to an invocation. Nothing is lost silently: a file that is not understood is
 * reported with line and reason, the other files are uploaded anyway, and the invocation gets a failed
 * result that says it is incomplete.
 */
import { type TestExoneration, TestStatus } from '../../gen/luci/resultdb/v1/test_result_pb.js';
import type { Counts, Problem } from '../../ingest/report.ts';
import { type ReportSet, readReportSet } from '../../ingest/report-set.ts';
import { ResultBatch, type TestResultMessage } from '../../ingest/results/result-batch.ts';
import { summaryHtmlOf } from '../../ingest/results/summary-html.ts';
import { shortenTo } from '../../ingest/results/test-id.ts';
import { testResultBatches } from '../../ingest/results/test-results.ts';
import { MAX_ERROR_MESSAGE_BYTES } from '../../results/limits.ts';
import type { CliContext } from '../context.ts';
import { countOf } from '../terminal/count.ts';
import type { Output } from '../terminal/output.ts';
import type { Progress } from '../terminal/progress.ts';
import { describeCounts, describeProblem } from './describe-report.ts';
import type { EarlierFiles } from './earlier-files.ts';
import { findReports } from './find-reports.ts';

/** The target of results: a server, or a file that is sent later. */
export interface ResultSink {
  /** Takes results, which overwrite those with the same ids. They may still be under way afterwards. */
  send(batch: ResultBatch): Promise<void>;
  /** Takes a batch of exonerations. A batch that has the request id of an earlier one adds nothing. */
  exonerate(exonerations: readonly TestExoneration[], requestId: string): Promise<void>;
  /** Returns once everything that was sent is stored. */
  end(): Promise<void>;
  /** Returns how far our clock is ahead of the server's, as far as that is known. */
  aheadMs(): Promise<number>;
}

export interface Upload {
  readonly context: CliContext;
  readonly output: Output;
  readonly progress: Progress;
  /** Files, or glob patterns, relative to the current folder. */
  readonly patterns: readonly string[];
  /** Files that have not changed since this snapshot are not uploaded. */
  readonly earlier?: EarlierFiles;
  readonly followLinks?: boolean | undefined;
  /** Files, or glob patterns, that are kept with the invocation. */
  readonly artifacts?: readonly string[];
  readonly variant: Readonly<Record<string, string>>;
  readonly repo?: string | undefined;
}

export interface UploadSummary {
  readonly files: number;
  readonly results: number;
  readonly counts: Counts;
  readonly problems: readonly Problem[];
  /** Files that were left out, as they are from an earlier run. */
  readonly unchanged: readonly string[];
  readonly complete: boolean;
}

const MAX_NAMED = 3;
const INCOMPLETE_TEST_ID = 'postlude/incomplete-report';

/** Reports that have been read to their end. Their problems have been printed. */
export interface ReadReports {
  readonly set: ReportSet;
  readonly problems: readonly Problem[];
  readonly unchanged: readonly string[];
}

export async function uploadReports(upload: Upload, sink: ResultSink): Promise<UploadSummary> {
  const summary = await sendReports(upload, await readReports(upload), sink);
  await sink.end();
  return summary;
}

export async function readReports(upload: Upload): Promise<ReadReports> {
  const { earlier, followLinks, patterns, context } = upload;
  const search = { earlier, followLinks, signal: context.signal };
  const found = await findReports(context.cwd, patterns, search);
  const set = await readReportSet(found.files, upload.context.signal, upload.context.cwd);
  const problems = [...set.problems, ...found.problems];
  for (const problem of problems) tell(upload.output, problem);
  tellUnchanged(upload.output, found.unchanged);
  return { set, problems, unchanged: found.unchanged };
}

/** Sends the results; the caller ends the sink. It may be called again, even with another sink. */
export async function sendReports(
  upload: Upload,
  { problems, set, unchanged }: ReadReports,
  sink: ResultSink,
): Promise<UploadSummary> {
  const errors = problems.filter(({ severity }) => severity === 'error');
  const results = await uploadResults(upload, set, sink);
  if (errors.length > 0) await sink.send(ResultBatch.of([incompleteResult(upload, errors)]));
  return {
    files: set.reports.length,
    results,
    counts: set.counts,
    problems,
    unchanged,
    complete: errors.length === 0,
  };
}

export function describeUpload({ files, results, counts }: UploadSummary): string {
  return `${countOf(results, 'result')} from ${countOf(files, 'report')}; ${describeCounts(counts)}`;
}

async function uploadResults(upload: Upload, set: ReportSet, sink: ResultSink): Promise<number> {
  const { context, progress, variant, repo } = upload;
  const now = context.clock.now() - (await sink.aheadMs());
  const batches = testResultBatches(set, { root: context.cwd, variant, repo, now });
  let results = 0;
  for await (const batch of batches) {
    await sink.send(batch);
    results += batch.count;
    progress.update(`${countOf(results, 'result')} uploaded`);
  }
  progress.clear();
  return results;
}

function incompleteResult(upload: Upload, errors: readonly Problem[]): TestResultMessage {
  const summary = errors.map(describeProblem).join('\n');
  return {
    testId: INCOMPLETE_TEST_ID,
    resultId: 'reports',
    variant: { def: { ...upload.variant } },
    status: TestStatus.CRASH,
    expected: false,
    summaryHtml: summaryHtmlOf(summary),
    failureReason: { primaryErrorMessage: shortenTo(summary, MAX_ERROR_MESSAGE_BYTES) },
    tags: [{ key: 'kind', value: 'not_a_test' }],
  };
}

function tell(output: Output, problem: Problem): void {
  if (problem.severity === 'error') output.error(describeProblem(problem));
  else output.warn(describeProblem(problem));
}

function tellUnchanged(output: Output, files: readonly string[]): void {
  if (files.length === 0) return;
  const named = files.slice(0, MAX_NAMED).join(', ');
  const others = files.length > MAX_NAMED ? ` and ${files.length - MAX_NAMED} more` : '';
  const [are, them] = files.length === 1 ? ['is', 'it'] : ['are', 'them'];
  output.warn(
    `${countOf(files.length, 'report')} ${are} left out, as the command has not written ${them}: ${named}${others} (use --accept-unchanged to take ${them})`,
  );
}
