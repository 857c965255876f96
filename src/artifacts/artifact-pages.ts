/**
 * Pages of artifacts, in the order (row id of the invocation, parent, artifact id). Those of an invocation
 * itself come before those of its results. In the positions, `testId` is the parent's part of the key.
 */
import {
  emptySql,
  int,
  type Reader,
  type RowOf,
  type Sql,
  selectList,
  sql,
  text,
  textArray,
} from '@postlude/queue/storage';
import type { Snapshots } from '../invocations/reachable.ts';
import { type Filter, type Page, type PageRequest, readPage, type Sized } from '../results/page.ts';
import type { TestVariant } from '../results/predicate.ts';
import { testResults } from '../results/test-results.ts';
import { statusOf, type TestStatus } from '../results/test-status.ts';
import { parseVariant } from '../results/variant.ts';
import type { VariantSet } from '../results/variants/variant-set.ts';
import { type Artifact, type ArtifactResult, fromParentId, toParentId } from './artifact.ts';
import { type ArtifactPredicate, artifactMatcher } from './artifact-predicate.ts';
import { artifacts, DESCRIPTION, type Description, fromRow } from './artifacts.ts';

/** An artifact, with what is known of its result. */
export interface FoundArtifact extends Artifact {
  /** `undefined` if it belongs to an invocation, or if its result has not been recorded. */
  readonly test: (TestVariant & { readonly status: TestStatus }) | undefined;
}

export interface ArtifactsRequest extends PageRequest {
  /** Restricts the page to the artifacts of this parent: the invocation itself if it has no result. */
  readonly parent: { readonly result: ArtifactResult | undefined };
}

/** Reads a page of what belongs to one parent. */
export async function artifactsPage(
  snapshots: Snapshots,
  request: ArtifactsRequest,
): Promise<Page<Artifact>> {
  const filter = { matches: () => true, work: 0 };
  const parentId = toParentId(request.parent.result);
  return await readArtifacts<Artifact>(snapshots, request, {
    filter,
    condition: sql` AND parent_id = ${parentId}`,
    itemsOf: async (_reader, rows) => rows.map(fromRow),
  });
}

export interface ArtifactQuery extends PageRequest {
  readonly predicate: ArtifactPredicate;
  /** Restricts the page to the artifacts of results of these test variants: see `selectVariants`. */
  readonly variants?: VariantSet | undefined;
}

/**
 * Reads a page of the artifacts of many invocations. Throws `invalid-argument` if a pattern is invalid: see
 * `artifactMatcher`.
 */
export async function queriedArtifactsPage(
  snapshots: Snapshots,
  request: ArtifactQuery,
): Promise<Page<FoundArtifact>> {
  const { predicate, variants } = request;
  return await readArtifacts<FoundArtifact>(snapshots, request, {
    filter: artifactMatcher(predicate, variants),
    condition: predicate.ofResults ? emptySql : sql` AND parent_id = ''`,
    itemsOf: withResults,
  });
}

interface Reading<T> {
  readonly filter: Filter<T>;
  readonly condition: Sql;
  readonly itemsOf: (reader: Reader, rows: readonly Description[]) => Promise<readonly T[]>;
}

/** The rows of a query hold a megabyte or two at most. */
const MAX_QUERY_ROWS = 500;

function readArtifacts<T extends Artifact>(
  snapshots: Snapshots,
  request: PageRequest,
  { condition, filter, itemsOf }: Reading<T>,
): Promise<Page<T>> {
  return readPage<T>(snapshots, request, {
    parentColumn: 'parent_id',
    itemColumn: 'artifact_id',
    maxRows: MAX_QUERY_ROWS,
    rowsOf: (reader) => ({
      select: sql`SELECT ${selectList(DESCRIPTION)} FROM ${artifacts}`,
      condition,
      async *read(query) {
        const rows = await reader.query(query, DESCRIPTION);
        yield (await itemsOf(reader, rows)).map(toSized);
      },
    }),
    positionOf: ({ artifactId, invocationId, result }) => ({
      invocationId,
      testId: toParentId(result),
      itemId: artifactId,
    }),
    filter,
  });
}

const RESULT = {
  invocationId: text,
  testId: text,
  resultId: text,
  variant: textArray,
  variantHash: text,
  status: int,
};

/** Reads the results that artifacts belong to in the same snapshot. */
async function withResults(
  reader: Reader,
  rows: readonly Description[],
): Promise<readonly FoundArtifact[]> {
  const keys = new Map(rows.flatMap(resultKeyOf).map((key) => [keyText(key), key]));
  const found = await reader.readKeys(testResults, [...keys.values()], RESULT);
  const results = new Map(found.map((row) => [keyText(row), testOf(row)]));
  return rows.map((row) => {
    const [key] = resultKeyOf(row);
    return { ...fromRow(row), test: key && results.get(keyText(key)) };
  });
}

type ResultKey = Pick<RowOf<typeof RESULT>, 'invocationId' | 'resultId' | 'testId'>;

function resultKeyOf({ invocationId, parentId }: Description): ResultKey[] {
  const result = fromParentId(parentId);
  return result === undefined ? [] : [{ invocationId, ...result }];
}

/** Neither row ids nor ids of results have blanks. */
function keyText({ invocationId, resultId, testId }: ResultKey): string {
  return `${invocationId} ${resultId} ${testId}`;
}

function testOf({ status, variant, ...row }: RowOf<typeof RESULT>) {
  return { ...row, variant: parseVariant(variant), status: statusOf(status) };
}

/** The name of the invocation, the fields of fixed length, the headers, and a signed URL. */
const FIXED_BYTES = 1_000;
/** The ids are in the message as such, and in its name and its URL, where each byte may take three. */
const ID_TIMES = 8;
/** The largest variant, with its hash. */
const VARIANT_BYTES = 1_500;

function toSized<T extends Artifact>(item: T): Sized<T> {
  const ids = Buffer.byteLength(toParentId(item.result)) + Buffer.byteLength(item.artifactId);
  const own = item.contentType.length + item.artifactType.length;
  const variant = 'test' in item && item.test ? VARIANT_BYTES : 0;
  return { item, bytes: FIXED_BYTES + ID_TIMES * ids + own + variant };
}
