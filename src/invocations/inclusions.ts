/**
 * Which invocation includes which. An inclusion is made only of invocations that exist; one whose
 * included invocation has been deleted since (retention) counts as finished, as whatever is
 * deleted had been FINALIZED.
 */
import { chunk } from '../concurrency.ts';
import { CodedError } from '../errors.ts';
import { bool, nullable, text } from '../storage/column.ts';
import type { Reader, Transaction } from '../storage/database.ts';
import { raw, type Sql, sql } from '../storage/sql.ts';
import { index, type NewRow, table } from '../storage/table.ts';
import { fromRowId, type InvocationId, type RowId, toRowId, toRowOrder } from './id.ts';
import { invocations } from './table.ts';

export const includedInvocations = table(
  'included_invocations',
  { invocationId: text, includedInvocationId: text, supersedes: nullable(bool) },
  ['invocationId', 'includedInvocationId'],
  [['includedInvocationId', 'invocationId']],
);

const includers = index('included_invocations_reversed', includedInvocations, [
  'includedInvocationId',
  'invocationId',
]);

export interface Inclusion {
  readonly including: InvocationId;
  readonly included: InvocationId;
  /** The including one is an attempt whose results do not count: the included one is the next. */
  readonly supersedes: boolean;
}

function toRow({
  including,
  included,
}: Omit<Inclusion, 'supersedes'>): NewRow<typeof includedInvocations> {
  return { invocationId: toRowId(including), includedInvocationId: toRowId(included) };
}

const BATCH_IDS = 500;

/**
 * Adds what is missing; the caller has called `requireActive` for `id`. Throws `not-found` where
 * an included invocation does not exist. Those may be in any state, and cycles are fine.
 */
export async function includeInvocations(
  tx: Transaction,
  id: InvocationId,
  included: readonly InvocationId[],
): Promise<void> {
  await requireAll(tx, included);
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

/** The caller knows that all of them exist, or inserts them; and that the including ones are ACTIVE. */
export async function includeAttempts(
  tx: Transaction,
  inclusions: readonly AttemptInclusion[],
): Promise<void> {
  await tx.upsert(
    includedInvocations,
    inclusions.map(({ supersedes, ...inclusion }) => ({ ...toRow(inclusion), supersedes })),
  );
}

/** Missing ones are fine; the caller has called `requireActive` for `id`. */
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
  /** The last one of the page before. */
  readonly after?: InvocationId | undefined;
  readonly limit: number;
}

/** A page of what it includes directly, in the order of row ids. */
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

/** Direct inclusions in key order, behind one of them: from the first where that is `undefined`. */
export interface InclusionsAfter {
  readonly of: InvocationId;
  readonly after: InvocationId | undefined;
}

/**
 * A range of the key, not an equality of its first column: with that, the index of the reversed
 * key has the right order as well, and planners that know of few who include much take it.
 */
export function inclusionsAfter({ dialect }: Reader, { of, after }: InclusionsAfter): Sql {
  const key = [raw('invocation_id'), raw('included_invocation_id')];
  const isBehind = dialect.isAfterKey(key, [text(toRowId(of)), text(startOf(after))]);
  return sql`SELECT invocation_id, included_invocation_id FROM ${includedInvocations}
    WHERE ${isBehind} AND invocation_id <= ${toRowId(of)}
    ORDER BY invocation_id, included_invocation_id`;
}

/** A page of those that include it directly, in the order of row ids. */
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

/** All it includes directly, sorted by id. For answers that hold them all. */
export async function readIncluded(reader: Reader, id: InvocationId): Promise<InvocationId[]> {
  const range = { first: [toRowId(id)] };
  const rows = await reader.readRange(includedInvocations, range, { includedInvocationId: text });
  return rows.map((row) => fromRowId(row.includedInvocationId)).sort();
}

/**
 * Of these, some that include nothing: all such, unless the others include very much. One bounded read.
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

/** A page of the inclusions of many invocations, in key order; `ids` are in row order. */
export async function inclusionsPage(
  reader: Reader,
  ids: readonly RowId[],
  after: Inclusion | undefined,
  limit: number,
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
