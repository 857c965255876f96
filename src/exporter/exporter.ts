/**
 * Exports the results of all invocations that a FINALIZED invocation reaches, each once, as one
 * row. The export of the invocation's own row (export-index.ts) differs in which rows are read only.
 *
 * 1. Find the set of these invocations, and the facts about the whole set that rows depend on:
 *    which test variants are exonerated, and which the predicate selects.
 * 2. Read the results page by page, in the order of (row id, test id, result id), and hand them to
 *    the sink in batches.
 * 3. Let the sink commit.
 *
 * Every page is a read of its own, so that no transaction stays open for long and an embedded
 * database serves other callers in between. The pages still fit together, since nothing that a
 * FINALIZED invocation reaches ever changes. Memory holds the ids of the set, the facts at some 50
 * bytes for each test variant, two pages (the next is read while one is written) and one batch.
 */
import { CodedError, type EpochMs } from '@postlude/queue/foundations';
import type { Database, Reader } from '@postlude/queue/storage';
import type { BigQueryExport } from '../gen/luci/resultdb/v1/invocation_pb.js';
import { InheritedSources } from '../invocations/above/inherited-sources.ts';
import { type InvocationId, isAmong, type RowId, toRowOrder } from '../invocations/id.ts';
import { readIncluded } from '../invocations/inclusions.ts';
import type { Invocation } from '../invocations/invocation.ts';
import { readExtended, requireInvocation } from '../invocations/invocations.ts';
import { readReachable, sameSnapshot } from '../invocations/reachable.ts';
import { allPages, type PageRequest } from '../results/page.ts';
import { type PatternWork, requireCheap } from '../results/patterns/pattern-work.ts';
import {
  matcherOf,
  type TestResultPredicate,
  type TestVariantMatcher,
} from '../results/predicate.ts';
import { testResultsPage } from '../results/test-results.ts';
import type { CompactVariantSet } from '../results/variants/compact-variants.ts';
import { selectVariants } from '../results/variants/select-variants.ts';
import type { VariantSet } from '../results/variants/variant-set.ts';
import { type BatchLimits, cutBatches } from './batches.ts';
import { digestDestination } from './destination-digest.ts';
import { readExonerated } from './exonerated.ts';
import { rowKindOf } from './export-index.ts';
import { isTableShared, readExportRequest, readWantedExports } from './export-requests.ts';
import { Parents } from './parents.ts';
import { fromPredicateMessage } from './predicate.ts';
import { readAhead } from './read-ahead.ts';
import { toInvocationRow } from './rows/invocation-row.ts';
import { type ExportRow, INVOCATIONS } from './rows/row-kind.ts';
import {
  type InvocationRecord,
  type TestResultRow,
  toInvocationRecord,
  toMicros,
  toRow,
} from './rows/test-result-row.ts';
import {
  type Export,
  isReceipt,
  type Landed,
  type Receipt,
  type Sink,
  type SinkSession,
} from './sink.ts';

export interface ExporterParts {
  readonly db: Pick<Database, 'read'>;
  readonly sink: Sink;
  /** The limits of a batch; 500 rows and 6 MiB unless given. */
  readonly batches?: BatchLimits;
  /** How many results are read at once; 500 unless given. */
  readonly pageRows?: number;
  readonly patternWork?: PatternWork;
}

export interface ExportRequest {
  readonly invocationId: InvocationId;
  /** The index of the export among those of the invocation, from 0. */
  readonly index: number;
  readonly destination: BigQueryExport;
  /** It must grow from attempt to attempt: in the sink, the newest attempt wins. */
  readonly attempt: number;
}

const DEFAULT_BATCHES: BatchLimits = { maxRows: 500, maxBytes: 6 * 1024 * 1024 };
const DEFAULT_PAGE_ROWS = 500;

/**
 * Runs one attempt. Repeating it is harmless, even after a success. Throws `not-found` if there is
 * no such invocation, `failed-precondition` unless it is FINALIZED, `invalid-argument` if the
 * predicate is invalid, `lease-lost` if a later attempt has begun, any error of the sink, and the
 * reason of `signal` once that aborts.
 */
export async function exportInvocation(
  parts: ExporterParts,
  request: ExportRequest,
  signal: AbortSignal,
): Promise<Receipt> {
  const { insertTime, invocation, ...again } = await readFinalized(parts.db, request);
  const exported = {
    ...identifyExport(invocation, { ...request, ...again }),
    attempt: request.attempt,
  };
  const begun = await parts.sink.begin(exported, signal);
  if (isReceipt(begun)) return begun;
  try {
    const rows = await writeRows(parts, {
      exported,
      insertTime,
      invocation,
      request,
      session: begun,
      signal,
    });
    return await begun.commit({ rows }, signal);
  } catch (error) {
    await begun.abort();
    throw error;
  }
}

interface Writing {
  readonly exported: Export;
  readonly insertTime: EpochMs;
  readonly invocation: Invocation;
  readonly request: ExportRequest;
  readonly session: SinkSession;
  readonly signal: AbortSignal;
}

/** Returns how many rows the export has, including those of earlier attempts. */
async function writeRows(parts: ExporterParts, writing: Writing): Promise<number> {
  const { exported, session, signal } = writing;
  const db = untilAborted(parts.db, signal);
  const pages =
    exported.kind === INVOCATIONS
      ? invocationPages(db, writing)
      : await resultPages({ ...parts, db }, writing);
  const limits = parts.batches ?? DEFAULT_BATCHES;
  let rows = session.landed?.rows ?? 0;
  for await (const batch of cutBatches(readAhead(pages), limits, rows)) {
    signal.throwIfAborted();
    await session.append(batch);
    rows += batch.rows.length;
  }
  signal.throwIfAborted();
  return rows;
}

/** Checks `signal` before every page, so that an aborted export stops at the next read. */
function untilAborted(db: ExporterParts['db'], signal: AbortSignal): ExporterParts['db'] {
  return {
    read: async (fn) => {
      signal.throwIfAborted();
      return await db.read(fn);
    },
  };
}

/** Decides for each result of the set whether and how it becomes a row. */
interface RowPlan {
  readonly exported: InvocationRecord;
  readonly partitionTime: number;
  readonly insertTime: number;
  readonly rowIds: readonly RowId[];
  readonly predicate: TestResultPredicate;
  readonly matcher: TestVariantMatcher;
  readonly patternWork: PatternWork | undefined;
  readonly variants: VariantSet | undefined;
  readonly exonerated: CompactVariantSet;
}

async function planRows(
  { db, patternWork }: ExporterParts,
  { insertTime, invocation, request }: Writing,
): Promise<RowPlan> {
  const { testResults } = request.destination;
  const predicate = fromPredicateMessage(testResults?.predicate);
  const matcher = matcherOf(predicate); // An invalid pattern is reported before anything is read.
  const rowIds = toRowOrder(await readReachable(db, [invocation.id]));
  return {
    exported: toInvocationRecord(invocation),
    partitionTime: toMicros(invocation.createTime),
    insertTime: toMicros(insertTime),
    rowIds,
    predicate,
    matcher,
    patternWork,
    variants: await selectVariants(db, rowIds, predicate),
    exonerated: await readExonerated(db, rowIds),
  };
}

async function resultPages(
  parts: ExporterParts,
  writing: Writing,
): Promise<AsyncGenerator<readonly TestResultRow[], void, void>> {
  const { session, signal } = writing;
  const plan = await planRows(parts, writing);
  const pageRows = parts.pageRows ?? DEFAULT_PAGE_ROWS;
  const first = pageRequest(plan, session.landed, pageRows);
  return rowPages(parts.db, plan, { ...first, signal });
}

function pageRequest(plan: RowPlan, landed: Landed | undefined, limit: number): PageRequest {
  const after = landed && {
    invocationId: landed.parentId as InvocationId,
    testId: landed.testId,
    itemId: landed.resultId,
  };
  return { rowIds: plan.rowIds, after, limit };
}

function rowPages(
  db: ExporterParts['db'],
  plan: RowPlan,
  first: PageRequest,
): AsyncGenerator<readonly TestResultRow[], void, void> {
  const isInside = (id: InvocationId) => isAmong(plan.rowIds, id);
  const parents = new Parents(new InheritedSources(isInside));
  return allPages(first, (request) =>
    db.read((reader) => rowPage(reader, plan, { parents, request })),
  );
}

async function rowPage(
  reader: Reader,
  plan: RowPlan,
  { parents, request }: { readonly parents: Parents; readonly request: PageRequest },
) {
  const { predicate, matcher, variants, exported, partitionTime, insertTime, exonerated } = plan;
  const selection = { predicate, matcher, variants };
  const { items, next } = await testResultsPage(sameSnapshot(reader), { ...request, ...selection });
  requireCheap(matcher, plan.patternWork);
  const parentOf = await parents.read(reader, new Set(items.map((result) => result.invocationId)));
  const rows = items.map((result) => {
    const { record, sources } = parentOf(result.invocationId);
    return toRow(result, {
      exported,
      parent: record,
      sources,
      exonerated: exonerated.has(result),
      partitionTime,
      insertTime,
    });
  });
  return { items: rows, next };
}

/** Yields the row of the invocation, unless that has landed already. */
async function* invocationPages(
  db: ExporterParts['db'],
  { invocation, session }: Pick<Writing, 'invocation' | 'session'>,
): AsyncGenerator<readonly ExportRow[], void, void> {
  if (session.landed) return;
  const { id } = invocation;
  const parts = await db.read(async (reader) => ({
    included: await readIncluded(reader, id),
    extended: await readExtended(reader, id),
  }));
  yield [toInvocationRow(invocation, parts)];
}

interface Finalized {
  readonly invocation: Invocation;
  readonly generation: number;
  /** Whether another export of the invocation goes to the same table, if this one is made again. */
  readonly isShared: boolean;
  /** The same for each attempt at a generation, so that they write equal rows. */
  readonly insertTime: EpochMs;
}

async function readFinalized(db: ExporterParts['db'], request: ExportRequest): Promise<Finalized> {
  const { index, invocationId: id } = request;
  const { all, asked, invocation } = await db.read(async (reader) => {
    const invocation = await requireInvocation(reader, id);
    const asked = await readExportRequest(reader, id, index);
    const all = asked?.generation ? await readWantedExports(reader, invocation) : [];
    return { all, asked, invocation };
  });
  const { finalizeTime, state } = invocation;
  if (state !== 'FINALIZED' || finalizeTime === undefined) {
    throw new CodedError('failed-precondition', `invocations/${id} is ${state}`);
  }
  const { generation = 0, requestTime: insertTime = finalizeTime } = asked ?? {};
  return { invocation, generation, insertTime, isShared: isTableShared(all, request) };
}

type IdentifyingRequest = Pick<ExportRequest, 'index' | 'destination'> & {
  /** 0 unless given; see export-requests.ts. */
  readonly generation?: number;
  /** Whether another export of the invocation goes to the same table; not unless given. */
  readonly isShared?: boolean;
};

/** Returns the properties by which a sink identifies an export, whatever the attempt. */
export function identifyExport(
  invocation: Invocation,
  request: IdentifyingRequest,
): Omit<Export, 'attempt'> {
  const { project, dataset, table } = request.destination;
  const { generation = 0, isShared = false } = request;
  const partitionTime = toMicros(invocation.createTime);
  return {
    table: { project, dataset, table },
    invocationId: invocation.id,
    index: request.index,
    kind: rowKindOf(request.index),
    fingerprint: fingerprintOf(invocation, request),
    ...(generation > 0 && { replaces: { partitionTime, isTableShared: isShared } }),
  };
}

function fingerprintOf(
  invocation: Invocation,
  { destination, generation = 0, index }: IdentifyingRequest,
): string {
  const { id, createTime, finalizeTime } = invocation;
  const prefix = JSON.stringify([
    ...[id, createTime, finalizeTime ?? 0, index],
    ...(generation > 0 ? [generation] : []),
  ]);
  return digestDestination(destination, prefix).digest('hex');
}
