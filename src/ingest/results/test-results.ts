/**
 * Turns the results of reports into messages for `BatchCreateTestResults`.
 *
 * A result's id follows from the report's content and the variant, so uploading the same report again, even
 * from another place, writes the same results and adds none.
 */
import { hash } from 'node:crypto';
import { isAbsolute, relative, sep } from 'node:path';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { EpochMs } from '@postlude/queue/foundations';
import type { TestLocationSchema } from '../../gen/luci/resultdb/v1/test_metadata_pb.js';
import {
  MAX_FILE_NAME_BYTES,
  MAX_TAG_KEY_LENGTH,
  MAX_TAG_VALUE_BYTES,
  MAX_TEST_NAME_BYTES,
} from '../../results/limits.ts';
import { variantHash } from '../../results/variant.ts';
import { toDuration, toTimestamp } from '../../services/shared/timestamp.ts';
import { excerptOf } from '../excerpt.ts';
import type { Execution, SourceLocation } from '../execution.ts';
import type { FoundResult } from '../report.ts';
import type { ReadableReport } from '../report-file.ts';
import { type ReportSet, resultsOf } from '../report-set.ts';
import { outcomeFieldsOf } from './outcome-fields.ts';
import { ResultBatch, type TestResultMessage } from './result-batch.ts';
import { summaryHtmlOf } from './summary-html.ts';
import { fitsIn, shortenTo } from './test-id.ts';

export interface UploadContext {
  /** The folder that the paths of reports and sources are relative to. */
  readonly root: string;
  /** The URL of the repository, without `.git`, if it is known. */
  readonly repo?: string | undefined;
  readonly variant: Readonly<Record<string, string>>;
  /** The server's time. The server rejects later times, so they are left out. */
  readonly now: EpochMs;
}

/** This many tags of the greatest length stay within the limit on all tags together. */
const MAX_TAGS = 40;
/** Characters, so that both streams and the failure have room in a summary. */
const MAX_OUTPUT = 700;
const MAX_SUMMARY_WITH_OUTPUT = 2200;
const MAX_LINE = 2 ** 31 - 1;

/**
 * Yields all results of the set, file by file, in batches of up to 500 results and 2 MB. Throws
 * `failed-precondition` if a file has changed since the set was read.
 */
export async function* testResultBatches(
  { reports }: ReportSet,
  context: UploadContext,
): AsyncGenerator<ResultBatch> {
  let batch = new ResultBatch();
  for (const report of reports) {
    const source = { dialect: report.dialect, idPrefix: resultIdPrefix(report, context) };
    for await (const result of resultsOf(report)) {
      batch.add(testResultOf(result, source, context));
      if (!batch.isFull) continue;
      yield batch;
      batch = new ResultBatch();
    }
  }
  if (batch.count > 0) yield batch;
}

/** If tests have no names, only its path distinguishes a file from others with the same content. */
function resultIdPrefix(
  { path, contentHash, isNameless }: ReadableReport,
  { root, variant }: UploadContext,
): string {
  const place = isNameless ? relative(root, path) : '';
  return hash('sha256', JSON.stringify([place, contentHash, variantHash(variant)])).slice(0, 16);
}

function testResultOf(
  result: FoundResult,
  { dialect, idPrefix }: Pick<ReadableReport, 'dialect'> & { readonly idPrefix: string },
  context: UploadContext,
): TestResultMessage {
  const { testId, expected, ordinal, execution } = result;
  const location = locationOf(execution.location, context.root);
  const inRepo = location && context.repo !== undefined;
  return {
    testId: testId.id,
    resultId: `${idPrefix}-${ordinal}`,
    variant: { def: variantOf(execution, context) },
    ...outcomeFieldsOf(result),
    summaryHtml: summaryHtmlOf(expected ? execution.summary : summaryWithOutput(execution)),
    ...timesOf(result, context.now),
    tags: tagsOf(result, dialect),
    ...(location && !inRepo ? { testLocation: location } : {}),
    testMetadata: {
      name: shortenTo(testId.fullName, MAX_TEST_NAME_BYTES),
      ...(inRepo ? { location: { ...location, repo: context.repo ?? '' } } : {}),
    },
  };
}

/** Adds the beginning and the end of a failing test's output, which often explains the failure. */
function summaryWithOutput({ summary, output = [] }: Execution): string {
  if (output.length === 0) return summary;
  const told = output.map(({ name, text }) => `--- ${name} ---\n${excerptOf(text, MAX_OUTPUT)}`);
  return [excerptOf(summary, MAX_SUMMARY_WITH_OUTPUT), ...told].join('\n\n');
}

/** The caller's variant takes precedence, as the caller queries by it. */
function variantOf({ variant = {} }: Execution, context: UploadContext): Record<string, string> {
  const own = Object.entries(variant).map(([key, value]) => [key, oneLine(value.normalize('NFC'))]);
  return { ...Object.fromEntries(own), ...context.variant };
}

function timesOf({ execution }: FoundResult, now: EpochMs) {
  const { startTimeMs, durationMs } = execution;
  // A machine whose clock is ahead must not keep its results from being recorded.
  const isPast = startTimeMs !== undefined && startTimeMs + (durationMs ?? 0) <= now;
  return {
    ...(isPast ? { startTime: toTimestamp(startTimeMs) } : {}),
    ...(durationMs === undefined ? {} : { duration: toDuration(Math.round(durationMs * 1000)) }),
  };
}

function tagsOf({ execution, attempt }: FoundResult, dialect: string) {
  const pairs = [
    ['report_dialect', dialect],
    ...(execution.isTest ? [] : [['kind', 'not_a_test']]),
    ...(attempt === 1 ? [] : [['attempt', String(attempt)]]),
    ...execution.tags,
  ];
  return pairs.slice(0, MAX_TAGS).flatMap(([key = '', value = '']) => {
    return value === '' ? [] : [{ key: tagKey(key), value: oneLine(value) }];
  });
}

/** Tests may choose their own keys, which the server might reject. */
function tagKey(key: string): string {
  const plain = key.toLowerCase().replaceAll(/[^a-z0-9_]+/g, '_');
  return (/^[a-z]/.test(plain) ? plain : `x${plain}`).slice(0, MAX_TAG_KEY_LENGTH);
}

function oneLine(text: string): string {
  return shortenTo(text.replaceAll(/[\s\p{C}]+/gu, ' ').trim(), MAX_TAG_VALUE_BYTES);
}

/** `undefined` for a file outside of `root`, such as one on the machine that built it. */
function locationOf(
  location: SourceLocation | undefined,
  root: string,
): MessageInitShape<typeof TestLocationSchema> | undefined {
  if (!location) return undefined;
  const path = location.file.replace(/^file:\/\//, '');
  const inRoot = (isAbsolute(path) ? relative(root, path) : path).replaceAll(sep, '/');
  const file = inRoot.replaceAll('\\', '/').replace(/^(\.\/)+/, '');
  const isUsable = file !== '' && !/^(\/|[a-z]:)|^\.\.(\/|$)|\/$|\p{Cc}/iu.test(file);
  if (!isUsable || !fitsIn(file, MAX_FILE_NAME_BYTES - 2)) return undefined;
  const line = location.line ?? 0;
  return { fileName: `//${file}`, line: line <= MAX_LINE ? line : 0 };
}
