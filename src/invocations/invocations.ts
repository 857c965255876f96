/**
 * The rows of invocations. Anything that must not change once an invocation has left ACTIVE is
 * written after `requireActive` in the same transaction.
 */
import { CodedError, chunk } from '@postlude/queue/foundations';
import {
  emptySql,
  type Key,
  type NewRow,
  type Reader,
  type Row,
  type RowOf,
  raw,
  selectList,
  sql,
  type Transaction,
  text,
} from '@postlude/queue/storage';
import { asSeen, type StoredState, seenState } from './closed-sets.ts';
import { describeEnd, endCauseOf } from './ending.ts';
import { fromRowId, type InvocationId, toRowId, toRowOrder } from './id.ts';
import type {
  Invocation,
  InvocationChanges,
  InvocationOutline,
  NewInvocation,
} from './invocation.ts';
import { type InvocationState, STATE_NUMBERS, stateOf } from './state.ts';
import { formatPair, parsePair, sortPairs } from './string-pair.ts';
import { invocations } from './table.ts';

/** Bounds the rows that one query returns. */
const BATCH_IDS = 500;

const {
  blockerId: _,
  blockerEndId: __,
  finalizedUpTo: ___,
  extended,
  ...COLUMNS
} = invocations.columns;
const {
  invocationId,
  state,
  deadline,
  finalizeTime,
  blockerId,
  closedBy,
  endsAt,
  heartbeatTime,
  recorder,
  isExpected,
  endedBy,
  endReason,
  attempt,
  lastAttempt,
} = invocations.columns;
/** What changes of an invocation, except for what its owner sets. */
const MARK = {
  invocationId,
  state,
  deadline,
  finalizeTime,
  blockerId,
  closedBy,
  endsAt,
  heartbeatTime,
  recorder,
  isExpected,
  endedBy,
  endReason,
  attempt,
  lastAttempt,
};
const { bigqueryExports, historyOptions, properties, details, tags, ...OUTLINE } = COLUMNS;

/**
 * Inserts them as ACTIVE. Fails the transaction with `already-exists` if one of the ids is taken.
 */
export async function insertInvocations(
  tx: Transaction,
  created: readonly NewInvocation[],
): Promise<void> {
  await tx.insert(invocations, created.map(toNewRow));
}

/** Returns `undefined` if there is no such invocation. */
export async function readInvocation(
  reader: Reader,
  id: InvocationId,
): Promise<Invocation | undefined> {
  const stored = await reader.readKeys(invocations, [{ invocationId: toRowId(id) }], COLUMNS);
  const [row] = await asSeen(reader, stored);
  return row && fromRow(row);
}

/**
 * Returns a binary `luci.resultdb.v1.Invocation` of what may have megabytes: the instructions and the
 * extended properties. They are left out of all other reads.
 */
export async function readExtended(
  reader: Reader,
  id: InvocationId,
): Promise<Uint8Array | undefined> {
  const keys = [{ invocationId: toRowId(id) }];
  const [row] = await reader.readKeys(invocations, keys, { invocationId, extended });
  return row?.extended;
}

/** Throws `not-found` if there is no such invocation. */
export async function requireInvocation(reader: Reader, id: InvocationId): Promise<Invocation> {
  const invocation = await readInvocation(reader, id);
  if (!invocation) throw notFound(id);
  return invocation;
}

/** Returns the invocations that exist. */
export function readInvocations(
  reader: Reader,
  ids: Iterable<InvocationId>,
): Promise<Map<InvocationId, Invocation>> {
  return readFound(reader, ids, {
    rows: (keys) => reader.readKeys(invocations, keys, COLUMNS),
    toValue: fromRow,
  });
}

/** Returns the outlines of the invocations that exist. */
export function readOutlines(
  reader: Reader,
  ids: Iterable<InvocationId>,
): Promise<Map<InvocationId, InvocationOutline>> {
  return readFound(reader, ids, {
    rows: (keys) => reader.readKeys(invocations, keys, OUTLINE),
    toValue: outlineOf,
  });
}

/**
 * Returns of each invocation that exists a text that changes with its state, and with all else that an
 * explanation shows.
 */
export function readMarks(
  reader: Reader,
  ids: Iterable<InvocationId>,
): Promise<Map<InvocationId, string>> {
  return readFound(reader, ids, {
    rows: (keys) => reader.readKeys(invocations, keys, MARK),
    toValue: (row) => JSON.stringify(row),
  });
}

interface Reading<R, T> {
  rows(keys: Key<typeof invocations>[]): Promise<readonly R[]>;
  toValue(row: R): T;
}

/** Reads in batches, each as it is seen. */
async function readFound<R extends StoredState & { readonly invocationId: string }, T>(
  reader: Reader,
  ids: Iterable<InvocationId>,
  { rows, toValue }: Reading<R, T>,
): Promise<Map<InvocationId, T>> {
  const found = new Map<InvocationId, T>();
  for (const keys of keysOf(ids)) {
    for (const row of await asSeen(reader, await rows(keys))) {
      found.set(fromRowId(row.invocationId), toValue(row));
    }
  }
  return found;
}

/** Returns the keys in batches. */
function keysOf(ids: Iterable<InvocationId>): Key<typeof invocations>[][] {
  return chunk(toRowOrder(ids), BATCH_IDS).map((batch) =>
    batch.map((invocationId) => ({ invocationId })),
  );
}

/**
 * Guards every change: throws `not-found` if there is no such invocation, and `failed-precondition`
 * unless it is ACTIVE. It also locks the row, so that the invocation cannot leave ACTIVE before
 * this transaction has committed. Without the lock, the changes could appear after an export has
 * read the FINALIZED invocation: the export reads a snapshot, and snapshots conflict with nothing.
 * A caller that changes the row itself locks it for that at once, as two that share it would deadlock.
 */
export async function requireActive(
  tx: Transaction,
  id: InvocationId,
  lock: 'share' | 'update' = 'share',
): Promise<Invocation> {
  const keys = [{ invocationId: toRowId(id) }];
  const [row] = await tx.lockKeys(invocations, keys, { columns: COLUMNS, lock });
  if (!row) throw notFound(id);
  return onlyActive(fromRow(row));
}

/** Reads an invocation without a lock. Throws as `requireActive` does. */
export async function requireActiveInvocation(
  reader: Reader,
  id: InvocationId,
): Promise<Invocation> {
  return onlyActive(await requireInvocation(reader, id));
}

function onlyActive(invocation: Invocation): Invocation {
  if (invocation.state === 'ACTIVE') return invocation;
  throw new CodedError(
    'failed-precondition',
    `invocations/${invocation.id} is ${describeState(invocation)}`,
  );
}

/** Fails the transaction with `not-found` if there is no such invocation. */
export async function updateInvocation(
  tx: Transaction,
  id: InvocationId,
  changes: InvocationChanges,
): Promise<void> {
  const { tags, isExpected, ...others } = changes;
  await tx.update(invocations, [
    {
      invocationId: toRowId(id),
      ...others,
      ...(isExpected === undefined ? {} : { isExpected: isExpected ? true : undefined }),
      ...(tags ? { tags: tags.map(formatPair) } : {}),
    },
  ]);
}

export interface InvocationListing {
  readonly state?: InvocationState | undefined;
  /** The last invocation of the previous page. */
  readonly after?: InvocationId | undefined;
  readonly limit: number;
}

/** Reads a page of invocations in the order of their row ids, which looks random. */
export async function listInvocations(
  reader: Reader,
  { state, after, limit }: InvocationListing,
): Promise<Invocation[]> {
  const afterCondition = reader.dialect.isAfterKey(
    [raw('invocation_id')],
    [text(after === undefined ? '' : toRowId(after))],
  );
  const stateCondition =
    state === undefined ? emptySql : sql` AND ${seenState('i')} = ${STATE_NUMBERS[state]}`;
  const query = sql`SELECT ${selectList(COLUMNS)} FROM ${invocations} AS i
    WHERE ${afterCondition}${stateCondition} ORDER BY invocation_id LIMIT ${limit}`;
  return (await asSeen(reader, await reader.query(query, COLUMNS))).map(fromRow);
}

/** Returns a phrase for messages: `FINALIZED: a later attempt superseded it`. */
export function describeState({ state, endedBy }: Invocation): string {
  return endedBy === undefined ? state : `${state}: ${describeEnd(endedBy)}`;
}

export function notFound(id: InvocationId): CodedError {
  return new CodedError('not-found', `invocations/${id} does not exist`);
}

function toNewRow({
  id,
  tags = [],
  isExpected,
  ...created
}: NewInvocation): NewRow<typeof invocations> {
  return {
    bigqueryExports: [],
    ...created,
    isExpected: isExpected ? true : undefined,
    invocationId: toRowId(id),
    state: STATE_NUMBERS.ACTIVE,
    tags: formatTags(tags),
  };
}

function formatTags(tags: Invocation['tags']): string[] {
  return sortPairs(tags).map(formatPair);
}

type StoredInvocation = Pick<Row<typeof invocations>, keyof typeof COLUMNS>;

function fromRow(row: StoredInvocation): Invocation {
  return {
    ...outlineOf(row),
    bigqueryExports: row.bigqueryExports,
    historyOptions: row.historyOptions,
    properties: row.properties,
    details: row.details,
    tags: row.tags.map(parsePair),
  };
}

function outlineOf({
  invocationId,
  state,
  endedBy,
  closedBy: _,
  ...row
}: RowOf<typeof OUTLINE>): InvocationOutline {
  const attempt = row.attempt ?? 1;
  return {
    ...row,
    id: fromRowId(invocationId),
    state: stateOf(state),
    isExpected: row.isExpected ?? false,
    endedBy: endedBy === undefined ? undefined : endCauseOf(endedBy),
    attempt,
    lastAttempt: row.lastAttempt ?? attempt,
  };
}
