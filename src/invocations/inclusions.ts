/**
 * Inclusions: which invocation includes which others. An included invocation must exist at first.
 * If it has been deleted since (retention), it counts as finished, as it had been FINALIZED before.
 */
import { CodedError, chunk } from '@postlude/queue/foundations';
import type { Reader, Transaction } from '@postlude/queue/storage';
import {
  bool,
  index,
  type NewRow,
  nullable,
  raw,
  type Sql,
  sql,
  table,
  text,
  withIndexes,
} from '@postlude/queue/storage';
import { fromRowId, type InvocationId, type RowId, toRowId, toRowOrder } from './id.ts';
import { invocations } from './table.ts';

export const includedInvocations = withIndexes(
  table(
    'included_invocations',
    { invocationId: text, includedInvocationId: text, supersedes: nullable(bool) },
    ['invocationId', 'includedInvocationId'],
  ),
  [['includedInvocationId', 'invocationId']],
);

export const includers = index('included_invocations_reversed', includedInvocations, [
  'includedInvocationId',
  'invocationId',
]);

export interface Inclusion {
  readonly including: InvocationId;
  readonly included: InvocationId;
  /**
   * The including invocation is an attempt whose results do not count; the included one is the
   * next.
   */
  readonly supersedes: boolean;
}

function toRow({
  including,
  included,
}: Omit<Inclusion, 'supersedes'>): NewRow<typeof includedInvocations> {
  return { invocationId: toRowId(including), includedInvocationId: toRowId(included) };
}

const BATCH_IDS = 500;
/** How many inclusions of each one read for many counts on. */
const SHARE_ROWS = 100;

/**
 * Adds the inclusions that are missing. The caller has called `requireActive` for `id`. Throws
 * `not-found` if an included invocation does not exist. Included invocations may be in any state,
 * and cycles are allowed.
 */
export async function includeInvocations(
  tx: Transaction,
  id: InvocationId,
  included: readonly InvocationId[],
): Promise<void> {
  await requireAll(tx, included);
  await includeKnown(tx, id, included);
}

/** The caller knows that the included invocations exist, or inserts them in `tx`. */
export async function includeKnown(
  tx: Transaction,
  id: InvocationId,
  included: readonly InvocationId[],
): Promise<void> {
  const invocationId = toRowId(id);
  await tx.upsert(
    includedInvocations,
    [...new Set(included)].map((other) => ({ invocationId, includedInvocationId: toRowId(other) })),
  );
}

/** An inclusion between attempts of one shard: see attempts.ts. */
export interface AttemptInclusion extends Omit<Inclusion, 'supersedes'> {
  readonly supersedes?: true;
}

/**
 * The caller knows that all of them exist, or inserts them, and that the including ones are ACTIVE.
 */
export async function includeAttempts(
  tx: Transaction,
  inclusions: readonly AttemptInclusion[],
): Promise<void> {
  await tx.upsert(
    includedInvocations,
    inclusions.map(({ supersedes, ...inclusion }) => ({ ...toRow(inclusion), supersedes })),
  );
}

/** Inclusions may be missing. The caller has called `requireActive` for `id`. */
export async function removeInclusions(
  tx: Transaction,
  id: InvocationId,
  included: readonly InvocationId[],
): Promise<void> {
  const invocationId = toRowId(id);
  await tx.delete(
    includedInvocations,
    included.map((other) => ({ invocationId, includedInvocationId: toRowId(other) })),
  );
}

export interface Page {
  /** The last invocation of the previous page. */
  readonly after?: InvocationId | undefined;
  readonly limit: number;
}

/** Reads a page of the invocations that it includes directly, in the order of row ids. */
export async function includedPage(
  reader: Reader,
  id: InvocationId,
  { after, limit }: Page,
): Promise<InvocationId[]> {
  const invocationId = toRowId(id);
  const range = {
    first: [invocationId],
    after: after && { invocationId, includedInvocationId: toRowId(after) },
    limit,
  };
  const rows = await reader.readRange(includedInvocations, range, { includedInvocationId: text });
  return rows.map((row) => fromRowId(row.includedInvocationId));
}

/** The direct inclusions after one of them, in key order; all of them if that is `undefined`. */
export interface InclusionsAfter {
  readonly of: InvocationId;
  readonly after: InvocationId | undefined;
}

/**
 * Selects by a range of the key, not by equality of its first column: an equality would let a
 * planner choose the index of the reversed key, which then has the right order as well, but is
 * slower for invocations that include many others.
 */
export function inclusionsAfter({ dialect }: Reader, { of, after }: InclusionsAfter): Sql {
  const key = [raw('invocation_id'), raw('included_invocation_id')];
  const condition = dialect.isAfterKey(key, [text(toRowId(of)), text(startOf(after))]);
  return sql`SELECT invocation_id, included_invocation_id FROM ${includedInvocations}
    WHERE ${condition} AND invocation_id <= ${toRowId(of)}
    ORDER BY invocation_id, included_invocation_id`;
}

/** Reads a page of the invocations that include it directly, in the order of row ids. */
export async function includersPage(
  reader: Reader,
  id: InvocationId,
  { after, limit }: Page,
): Promise<InvocationId[]> {
  const includedInvocationId = toRowId(id);
  const range = {
    first: [includedInvocationId],
    after: after && { includedInvocationId, invocationId: toRowId(after) },
    limit,
  };
  const rows = await reader.readRange(includers, range, { invocationId: text });
  return rows.map((row) => fromRowId(row.invocationId));
}

const INCLUDERS_LIMIT = 500;

/** Reads all invocations that include it directly, in pages and in the order of row ids. */
export async function* includersPages(
  reader: Reader,
  id: InvocationId,
): AsyncGenerator<readonly InvocationId[], void, void> {
  for (let after: InvocationId | undefined; ; ) {
    const page = await includersPage(reader, id, { after, limit: INCLUDERS_LIMIT });
    yield page;
    if (page.length < INCLUDERS_LIMIT) return;
    after = page.at(-1);
  }
}

/** Reads all invocations that it includes directly, or some of them beyond a limit, sorted by id. */
export async function readIncluded(
  reader: Reader,
  id: InvocationId,
  limit?: number,
): Promise<InvocationId[]> {
  const range = { first: [toRowId(id)], ...(limit !== undefined && { limit }) };
  const rows = await reader.readRange(includedInvocations, range, { includedInvocationId: text });
  return rows.map((row) => fromRowId(row.includedInvocationId)).sort();
}

/**
 * Does the same for many invocations, by one read and one more for each that has more than its share.
 */
export async function readIncludedOfEach(
  reader: Reader,
  ids: readonly InvocationId[],
): Promise<Map<InvocationId, InvocationId[]>> {
  const limit = ids.length * SHARE_ROWS;
  const page = await inclusionsPage(reader, toRowOrder(ids), { after: undefined, limit });
  const cutAt = page.length < limit ? undefined : page.at(-1)?.including;
  const lists = Map.groupBy(page, ({ including }) => including);
  const found = new Map<InvocationId, InvocationId[]>();
  for (const id of ids) {
    const isWhole = cutAt === undefined || toRowId(id) < toRowId(cutAt);
    const included = isWhole
      ? (lists.get(id) ?? []).map((inclusion) => inclusion.included).sort()
      : await readIncluded(reader, id);
    found.set(id, included);
  }
  return found;
}

/**
 * Returns those of `ids` that include nothing: all of them, unless the others include very many. It
 * makes one bounded read.
 */
export async function readIncludingNothing(
  reader: Reader,
  ids: readonly InvocationId[],
): Promise<InvocationId[]> {
  const rowIds = toRowOrder(ids);
  const range = { first: rowIds, limit: BATCH_IDS };
  const rows = await reader.readRange(includedInvocations, range, { invocationId: text });
  const including = new Set(rows.map(({ invocationId }) => invocationId));
  const seenUpTo = rows.length < BATCH_IDS ? undefined : rows.at(-1)?.invocationId;
  return rowIds
    .filter((rowId) => !including.has(rowId) && (seenUpTo === undefined || rowId < seenUpTo))
    .map(fromRowId);
}

/** Reads a page of the inclusions of many invocations, in key order. `ids` are in row order. */
export async function inclusionsPage(
  reader: Reader,
  ids: readonly RowId[],
  { after, limit }: { readonly after: Inclusion | undefined; readonly limit: number },
): Promise<Inclusion[]> {
  const range = { first: ids, after: after && toRow(after), limit };
  const rows = await reader.readRange(includedInvocations, range, includedInvocations.columns);
  return rows.map((row) => ({
    including: fromRowId(row.invocationId),
    included: fromRowId(row.includedInvocationId),
    supersedes: row.supersedes ?? false,
  }));
}

function startOf(after: InvocationId | undefined): string {
  return after === undefined ? '' : toRowId(after);
}

async function requireAll(tx: Transaction, ids: readonly InvocationId[]): Promise<void> {
  for (const batch of chunk([...new Set(ids)], BATCH_IDS)) {
    const keys = batch.map((id) => ({ invocationId: toRowId(id) }));
    const rows = await tx.readKeys(invocations, keys, { invocationId: text });
    const found = new Set(rows.map((row) => fromRowId(row.invocationId)));
    const missing = batch.find((id) => !found.has(id));
    if (missing !== undefined) {
      throw new CodedError('not-found', `invocations/${missing} does not exist`);
    }
  }
}
