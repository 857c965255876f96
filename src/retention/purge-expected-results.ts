/**
 * Deletes the expected results of an invocation with their artifacts, except those of test variants that
 * also have an unexpected one there: these tell what was flaky. For that, all attempts at an invocation
 * count as one. In the end, the invocation's time of expiration is deleted, so that no later pass finds it.
 *
 * Each transaction looks at a bounded number of results. A purge that dies starts over with the
 * next pass, which then looks again only at what was kept.
 */
import type { EpochMs } from '@postlude/queue/foundations';
import type { Reader, Transaction } from '@postlude/queue/storage';
import {
  bool,
  int,
  nullable,
  type RowOf,
  raw,
  type Sql,
  selectList,
  sql,
  text,
  textArray,
  timestamp,
} from '@postlude/queue/storage';
import { toParentId } from '../artifacts/artifact.ts';
import { ARTIFACT_KEYS, artifacts, deleteArtifacts } from '../artifacts/artifacts.ts';
import { type InvocationId, type RowId, toRowId } from '../invocations/id.ts';
import { STATE_NUMBERS } from '../invocations/state.ts';
import { invocations } from '../invocations/table.ts';
import { testResults } from '../results/test-results.ts';
import { VariantSet } from '../results/variants/variant-set.ts';
import { type Deleted, sumDeleted } from './deleted.ts';

export interface ExpectedResultsPage {
  readonly id: InvocationId;
  /** The row ids of all attempts that exist, its own among them. */
  readonly attempts: readonly RowId[];
  /** The last result of the previous page. */
  readonly after: ResultKey | undefined;
  readonly limit: number;
}

const RESULT = {
  invocationId: text,
  testId: text,
  resultId: text,
  variantHash: text,
  isUnexpected: nullable(bool),
};

type ResultRow = RowOf<typeof RESULT>;
type ResultKey = Pick<ResultRow, 'invocationId' | 'resultId' | 'testId'>;

export interface ExpectedResultsStep {
  readonly deleted: Deleted;
  /** Where the next page starts, or this one again. */
  readonly next: ResultKey | undefined;
  /** Nothing is left to do. */
  readonly isDone: boolean;
}

const COLUMNS = {
  state: int,
  expectedResultsExpirationTime: nullable(timestamp),
  closedBy: nullable(text),
};

/** Deletes what may be deleted of one page, in the caller's transaction. */
export async function purgeExpectedResults(
  tx: Transaction,
  now: EpochMs,
  page: ExpectedResultsPage,
): Promise<ExpectedResultsStep> {
  const key = { invocationId: toRowId(page.id) };
  const [row] = await tx.lockKeys(invocations, [key], { columns: COLUMNS, lock: 'update' });
  const { closedBy, expectedResultsExpirationTime: expiredAt, state } = row ?? {};
  const isSettled = state === STATE_NUMBERS.FINALIZED && closedBy === undefined;
  if (!isSettled || expiredAt === undefined || expiredAt > now) {
    return { deleted: {}, next: undefined, isDone: true };
  }
  const { deletable, next } = await findDeletable(tx, page);
  const orphans = await findArtifacts(tx, deletable, page.limit);
  await deleteArtifacts(tx, orphans, now);
  const deleted = { [artifacts.name]: orphans.length };
  // More of them may follow; the results stay until they have none.
  if (orphans.length === page.limit) return { deleted, next: page.after, isDone: false };
  await tx.delete(testResults, deletable);
  if (next === undefined) {
    await tx.update(invocations, [{ ...key, expectedResultsExpirationTime: undefined }]);
  }
  return {
    deleted: sumDeleted(deleted, { [testResults.name]: deletable.length }),
    next,
    isDone: next === undefined,
  };
}

/** Returns the keys of artifacts of these results, up to a limit. */
async function findArtifacts(
  reader: Reader,
  results: readonly ResultRow[],
  limit: number,
): Promise<RowOf<typeof ARTIFACT_KEYS>[]> {
  if (results.length === 0) return [];
  return await reader.query(
    sql`SELECT ${selectList(ARTIFACT_KEYS)} FROM ${artifacts}
        WHERE ${belongTo(reader, results)} LIMIT ${limit}`,
    ARTIFACT_KEYS,
  );
}

/** Counts the artifacts of these results. */
export async function countArtifacts(
  reader: Reader,
  results: readonly ResultRow[],
): Promise<number> {
  if (results.length === 0) return 0;
  const [row] = await reader.query(
    sql`SELECT count(*) AS total FROM ${artifacts} WHERE ${belongTo(reader, results)}`,
    { total: int },
  );
  return row?.total ?? 0;
}

/** SQL condition: an artifact belongs to one of these results, which are of one invocation. */
function belongTo({ dialect }: Reader, results: readonly ResultRow[]): Sql {
  const parents = textArray(results.map(toParentId));
  return sql`invocation_id = ${results[0]?.invocationId ?? ''}
    AND ${dialect.isAnyOf(raw('parent_id'), parents)}`;
}

/** Returns the results of one page that may be deleted. */
export async function findDeletable(
  reader: Reader,
  { after, attempts, id, limit }: ExpectedResultsPage,
): Promise<{ readonly deletable: ResultRow[]; readonly next: ResultKey | undefined }> {
  const range = { first: [toRowId(id)], after, limit };
  const rows = await reader.readRange(testResults, range, RESULT);
  const kept = await unexpectedVariants(reader, attempts, rows);
  const deletable = rows.filter((row) => row.isUnexpected !== true && !kept.has(row));
  return { deletable, next: rows.length < limit ? undefined : rows.at(-1) };
}

/** Returns the variants of the tests of these rows that have an unexpected result. */
async function unexpectedVariants(
  reader: Reader,
  attempts: readonly RowId[],
  rows: readonly ResultRow[],
): Promise<VariantSet> {
  const variants = new VariantSet();
  const [first, last] = [rows[0], rows.at(-1)];
  if (first === undefined || last === undefined) return variants;
  const { dialect } = reader;
  const unexpected = await reader.query(
    sql`SELECT test_id, variant_hash
        FROM ${testResults}${dialect.useIndex('test_results_unexpected')}
        WHERE ${dialect.isAnyOf(raw('invocation_id'), textArray(attempts))} AND is_unexpected
          AND test_id >= ${first.testId} AND test_id <= ${last.testId}`,
    { testId: text, variantHash: text },
  );
  for (const variant of unexpected) variants.add(variant);
  return variants;
}
