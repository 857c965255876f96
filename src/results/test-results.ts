/**
 * The rows of test results. A result that is recorded again replaces the stored one, so a repeated
 * upload changes nothing and counts nothing twice: counts are taken from the rows. Counters would
 * need to know which rows are new, so an upload would have to read them first, and parallel uploads
 * to one invocation would conflict.
 */

import type { Reader, Transaction } from '@postlude/queue/storage';
import {
  bool,
  bytes,
  emptySql,
  int,
  type NewRow,
  nullable,
  type Row,
  raw,
  type Sql,
  sql,
  table,
  text,
  textArray,
  timestamp,
  withIndexes,
} from '@postlude/queue/storage';
import { fromRowId, type InvocationId, toRowId } from '../invocations/id.ts';
import type { Snapshots } from '../invocations/reachable.ts';
import { formatPair, parsePair, sortPairs } from '../invocations/string-pair.ts';
import { LongRows, type SizedRow } from './long-rows.ts';
import { messageBytes } from './message-bytes.ts';
import { type Page, type PageRequest, readPage, type Sized } from './page.ts';
import { matcherOf, type TestVariantMatcher, type TestVariantPredicate } from './predicate.ts';
import type { NewTestResult, TestResult, TestResultKey } from './test-result.ts';
import { STATUS_NUMBERS, statusOf } from './test-status.ts';
import { formatVariant, parseVariant, variantHash } from './variant.ts';
import { onlyTestsOf, type VariantSet } from './variants/variant-set.ts';

export const testResults = withIndexes(
  table(
    'test_results',
    {
      invocationId: text,
      testId: text,
      resultId: text,
      variant: textArray,
      variantHash: text,
      isUnexpected: nullable(bool),
      status: int,
      summaryHtml: nullable(text),
      startTime: nullable(timestamp),
      runDurationMicros: nullable(int),
      tags: textArray,
      testLocation: nullable(bytes),
      testMetadata: nullable(bytes),
      failureReason: nullable(bytes),
      details: nullable(bytes),
    },
    ['invocationId', 'testId', 'resultId'],
  ),
  [['invocationId', 'testId', 'resultId', 'isUnexpected', 'variantHash']],
);

/** The columns that may be long. */
const LONG = [
  'variant',
  'summaryHtml',
  'tags',
  'testLocation',
  'testMetadata',
  'failureReason',
  'details',
] as const;

/** A property that a page can do without. */
export type OptionalProperty = Exclude<(typeof LONG)[number], 'variant'>;

/** The caller has called `requireActive` for the invocation. */
export async function recordTestResults(
  tx: Transaction,
  invocationId: InvocationId,
  results: readonly NewTestResult[],
): Promise<void> {
  const rowId = toRowId(invocationId);
  await tx.upsert(
    testResults,
    results.map((result) => toRow(rowId, result)),
  );
}

/** Returns `undefined` if there is no such result. */
export async function readTestResult(
  reader: Reader,
  key: TestResultKey,
): Promise<TestResult | undefined> {
  const rowKey = { ...key, invocationId: toRowId(key.invocationId) };
  const [row] = await reader.readKeys(testResults, [rowKey], testResults.columns);
  return row && fromRow(row);
}

export interface TestResultsRequest extends PageRequest {
  readonly predicate?: TestVariantPredicate;
  /** The matcher of the predicate, if the caller has it already. */
  readonly matcher?: TestVariantMatcher;
  /** Restricts the page to these test variants: see `selectVariants`. */
  readonly variants?: VariantSet | undefined;
  /** Properties that are not read from the database: the results have none of them. */
  readonly omitted?: ReadonlySet<OptionalProperty>;
}

/**
 * Reads a page of the results of many invocations, in the order (row id of the invocation, test id,
 * result id). Throws `invalid-argument` if a pattern is invalid: see `matcherOf`.
 */
export async function testResultsPage(
  snapshots: Snapshots,
  request: TestResultsRequest,
): Promise<Page<TestResult>> {
  const { omitted, predicate = {}, variants, matcher = matcherOf(predicate) } = request;
  return await readPage(snapshots, request, {
    itemColumn: 'result_id',
    maxRows: LongRows.maxRows,
    rowsOf(reader) {
      const rows = new LongRows(reader, { table: testResults, long: LONG, omitted });
      return {
        select: rows.select,
        condition: conditionOf(reader, predicate, variants),
        async *read(query) {
          for await (const group of rows.read(query)) yield group.map(toSized);
        },
      };
    },
    positionOf: ({ invocationId, resultId, testId }) => ({
      invocationId,
      testId,
      itemId: resultId,
    }),
    filter: {
      matches: (result) =>
        (variants === undefined || variants.has(result)) && matcher.matches(result),
      get work() {
        return matcher.work;
      },
    },
  });
}

/** The message of a failure is in its response twice, as the primary one and as that of the first error. */
function toSized({ bytes, row }: SizedRow<typeof testResults>): Sized<TestResult> {
  const again = row.failureReason?.length ?? 0;
  return { item: fromRow(row), bytes: bytes + again + messageBytes(row) };
}

/** Counts the results that were recorded in these invocations themselves. */
export async function countTestResults(
  reader: Reader,
  ids: readonly InvocationId[],
): Promise<number> {
  const condition = reader.dialect.isAnyOf(raw('invocation_id'), textArray(ids.map(toRowId)));
  const [row] = await reader.query(
    sql`SELECT count(*) AS results FROM ${testResults} WHERE ${condition}`,
    { results: int },
  );
  return row?.results ?? 0;
}

/** Returns a condition by which the database narrows the rows cheaply; the matcher decides. */
function conditionOf(
  reader: Reader,
  predicate: TestVariantPredicate,
  variants: VariantSet | undefined,
): Sql {
  const { variant } = predicate;
  const variantCondition =
    variant && 'equals' in variant
      ? sql` AND variant_hash = ${variantHash(variant.equals)}`
      : emptySql;
  return sql`${variantCondition}${onlyTestsOf(reader, variants)}`;
}

function toRow(invocationId: string, result: NewTestResult): NewRow<typeof testResults> {
  const { variant, tags = [], status, expected, summaryHtml } = result;
  return {
    invocationId,
    testId: result.testId,
    resultId: result.resultId,
    variant: formatVariant(variant),
    variantHash: variantHash(variant),
    isUnexpected: expected ? undefined : true,
    status: STATUS_NUMBERS[status],
    summaryHtml: summaryHtml === '' ? undefined : summaryHtml,
    startTime: result.startTime,
    runDurationMicros: result.durationMicros,
    tags: sortPairs(tags).map(formatPair),
    testLocation: result.testLocation,
    testMetadata: result.testMetadata,
    failureReason: result.failureReason,
    details: result.details,
  };
}

function fromRow(row: Row<typeof testResults>): TestResult {
  return {
    invocationId: fromRowId(row.invocationId),
    testId: row.testId,
    resultId: row.resultId,
    variant: parseVariant(row.variant),
    variantHash: row.variantHash,
    expected: row.isUnexpected !== true,
    status: statusOf(row.status),
    summaryHtml: row.summaryHtml ?? '',
    startTime: row.startTime,
    durationMicros: row.runDurationMicros,
    tags: row.tags.map(parsePair),
    testLocation: row.testLocation,
    testMetadata: row.testMetadata,
    failureReason: row.failureReason,
    details: row.details,
  };
}
