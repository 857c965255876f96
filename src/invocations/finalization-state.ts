/**
 * How far invocations are on their way to FINALIZED, and what each of them waits for: the SQL of
 * the finalizer. For a FINALIZING invocation X:
 *
 * - `blocker` is the one invocation, reachable from X, that X waits for. It stays set until the
 *   blocker is FINALIZED. The same transaction clears it, or a later one if very many invocations
 *   wait.
 * - `blockerEnd` is the end of the chain of blockers from X at the time when X began to wait.
 *   Nothing in between can be FINALIZED before the end is, so the chain leads there until then.
 * - `finalizedUpTo`: once the blocker is FINALIZED, so are all direct inclusions of X up to this
 *   one, in key order.
 * - `closedBy` is explained in closed-sets.ts. `state` and `finalizeTime` are those that X counts
 *   as having.
 * - `hasNoneLeft`: once the blocker is FINALIZED, so are all direct inclusions of X. It is known of
 *   an invocation that includes nothing from the moment it left ACTIVE, if the caller that started
 *   its finalization had read its inclusions; and of one that waits for its last inclusion.
 */
import { chunk, type EpochMs } from '@postlude/queue/foundations';
import {
  bytesArray,
  emptySql,
  index,
  int,
  nullable,
  type Reader,
  type RowOf,
  raw,
  type Sql,
  sql,
  type Transaction,
  text,
  timestamp,
} from '@postlude/queue/storage';
import { asSeen, seenState } from './closed-sets.ts';
import { END_CAUSE_NUMBERS, type EndCause } from './ending.ts';
import { fromRowId, type InvocationId, toRowId, toRowOrder } from './id.ts';
import { type InclusionsAfter, inclusionsAfter } from './inclusions.ts';
import { type InvocationState, STATE_NUMBERS, stateOf } from './state.ts';
import { invocations } from './table.ts';

export interface FinalizationState {
  readonly id: InvocationId;
  readonly state: InvocationState;
  readonly blocker: InvocationId | undefined;
  readonly blockerEnd: InvocationId | undefined;
  readonly finalizedUpTo: InvocationId | undefined;
  /** `false` may also mean that this is unknown. */
  readonly hasNoneLeft: boolean;
  readonly bigqueryExports: readonly Uint8Array[];
  readonly finalizeTime: EpochMs | undefined;
  readonly closedBy: InvocationId | undefined;
}

const COLUMNS = {
  invocationId: text,
  state: int,
  blockerId: nullable(text),
  blockerEndId: nullable(text),
  finalizedUpTo: nullable(text),
  bigqueryExports: bytesArray,
  finalizeTime: nullable(timestamp),
  closedBy: nullable(text),
};
const waiters = index('invocations_by_blocker', invocations, ['blockerId', 'invocationId']);
/** A value of `finalized_up_to` after every row id, since row ids begin with hexadecimal digits. */
const AFTER_ALL = '~';
const BATCH_IDS = 500;
const FINALIZED = raw(String(STATE_NUMBERS.FINALIZED));
const FINALIZING = raw(String(STATE_NUMBERS.FINALIZING));

/** Returns `undefined` if there is no such invocation. */
export async function readFinalizationState(
  reader: Reader,
  id: InvocationId,
): Promise<FinalizationState | undefined> {
  const stored = await reader.readKeys(invocations, [{ invocationId: toRowId(id) }], COLUMNS);
  const [row] = await asSeen(reader, stored);
  return row && fromRow(row);
}

/** Returns the states of the invocations that exist, in row order. */
export async function readFinalizationStates(
  reader: Reader,
  ids: Iterable<InvocationId>,
): Promise<FinalizationState[]> {
  const found: FinalizationState[] = [];
  for (const batch of chunk(toRowOrder(ids), BATCH_IDS)) {
    const keys = batch.map((invocationId) => ({ invocationId }));
    const rows = await asSeen(reader, await reader.readKeys(invocations, keys, COLUMNS));
    const rowsById = new Map(rows.map((row) => [row.invocationId, row]));
    found.push(...batch.flatMap((rowId) => rowsById.get(rowId) ?? []).map(fromRow));
  }
  return found;
}

/**
 * Finds the first direct inclusion that is not FINALIZED, however far it is. The read stops there.
 */
export async function findUnfinalized(
  reader: Reader,
  inclusions: InclusionsAfter,
): Promise<InvocationId | undefined> {
  // The condition is a subquery, not a join: a planner may reverse a join or merge it, and would
  // then
  // read the whole table.
  const [row] = await reader.query(
    sql`SELECT included_invocation_id FROM (${inclusionsAfter(reader, inclusions)}) AS e
        WHERE (SELECT ${seenState('s')} FROM ${invocations} AS s
               WHERE s.invocation_id = e.included_invocation_id) <> ${FINALIZED}
        ORDER BY invocation_id, included_invocation_id LIMIT 1`,
    { includedInvocationId: text },
  );
  return row && fromRowId(row.includedInvocationId);
}

/** Planners use the values of constants, and guess those of parameters. */
function constant(limit: number): Sql {
  return raw(String(Math.trunc(limit)));
}

/** A FINALIZING invocation, and the invocation that it waits for. */
export interface Wait {
  readonly waiter: InvocationId;
  readonly blocker: InvocationId;
}

/** Reads the first `limit` waits for one of `blockers`, ordered by blocker and waiter. */
export async function readWaits(
  reader: Reader,
  blockers: readonly InvocationId[],
  limit: number,
): Promise<Wait[]> {
  const range = { first: toRowOrder(blockers), limit };
  const columns = { invocationId: text, blockerId: text };
  const rows = await reader.readRange(waiters, range, columns);
  return rows.map((row) => ({
    waiter: fromRowId(row.invocationId),
    blocker: fromRowId(row.blockerId),
  }));
}

/** What a FINALIZING invocation waits for, and from where on. Without a blocker, it has a task. */
export type Waiting = Pick<
  FinalizationState,
  'id' | 'blocker' | 'blockerEnd' | 'finalizedUpTo' | 'hasNoneLeft'
>;

/** Each invocation is given once; the caller has read in this transaction that it is FINALIZING. */
export async function setWaiting(tx: Transaction, waiting: readonly Waiting[]): Promise<void> {
  await tx.update(
    invocations,
    waiting.map(({ id, blocker, blockerEnd, finalizedUpTo, hasNoneLeft }) => ({
      invocationId: toRowId(id),
      blockerId: blocker && toRowId(blocker),
      blockerEndId: blockerEnd && toRowId(blockerEnd),
      finalizedUpTo: hasNoneLeft ? AFTER_ALL : finalizedUpTo && toRowId(finalizedUpTo),
    })),
  );
}

export interface Start {
  readonly id: InvocationId;
  /** All invocations that it includes directly, if they have been read in the same transaction. */
  readonly included?: readonly InvocationId[];
  /** Why it ends, if its owner has not finalized it. */
  readonly end?: End | undefined;
}

export interface End {
  readonly cause: EndCause;
  /** The reason that was given. */
  readonly reason?: string | undefined;
}

/** The caller has read in this transaction that they are ACTIVE, or has inserted them there. */
export async function setFinalizing(
  tx: Transaction,
  starts: readonly Start[],
  finalizeStartTime: EpochMs,
): Promise<void> {
  const state = STATE_NUMBERS.FINALIZING;
  await tx.update(
    invocations,
    starts.map(({ id, included, end }) => ({
      invocationId: toRowId(id),
      state,
      finalizeStartTime,
      finalizedUpTo: included?.length === 0 ? AFTER_ALL : undefined,
      endedBy: end && END_CAUSE_NUMBERS[end.cause],
      endReason: end?.reason,
    })),
  );
}

export interface Finalized extends FinalizationState {
  readonly finalizeTime: EpochMs;
}

/**
 * The caller has read them in this transaction: they are FINALIZING, or to be settled. `closedBy` is the
 * mark that they bear and lose.
 */
export async function setFinalized(
  tx: Transaction,
  finalized: readonly Finalized[],
): Promise<void> {
  await tx.update(
    invocations,
    finalized.map(({ id, closedBy, finalizeTime }) => ({
      invocationId: toRowId(id),
      state: STATE_NUMBERS.FINALIZED,
      finalizeTime,
      blockerId: undefined,
      blockerEndId: undefined,
      finalizedUpTo: undefined,
      ...(closedBy === undefined ? {} : { closedBy: undefined }),
    })),
  );
}

export interface StuckListing {
  readonly startedBefore: EpochMs;
  /** The last invocation of the previous page. */
  readonly after: InvocationId | undefined;
  /** How many invocations the page looks at. */
  readonly rows: number;
}

export interface StuckPage {
  /**
   * Invocations FINALIZING since before `startedBefore`, without a blocker that is not FINALIZED.
   */
  readonly stuck: readonly InvocationId[];
  /** `undefined` after the last page. */
  readonly next: InvocationId | undefined;
}

/**
 * Looks through a page of all invocations by key. An index of the FINALIZING ones would cost more
 * on each change of state than this rare search is worth.
 */
export async function stuckPage(
  reader: Reader,
  { startedBefore, after, rows }: StuckListing,
): Promise<StuckPage> {
  const start = after === undefined ? '' : toRowId(after);
  const [last] = await reader.query(
    sql`SELECT invocation_id FROM ${invocations} WHERE invocation_id > ${start}
        ORDER BY invocation_id LIMIT 1 OFFSET ${constant(rows - 1)}`,
    { invocationId: text },
  );
  const pageCondition = last ? sql` AND x.invocation_id <= ${last.invocationId}` : emptySql;
  const stuck = await reader.query(
    sql`SELECT x.invocation_id
        FROM ${invocations} AS x
        WHERE x.invocation_id > ${start}${pageCondition}
          AND x.state = ${FINALIZING} AND x.finalize_start_time < ${timestamp(startedBefore)}
          AND NOT EXISTS (SELECT 1 FROM ${invocations} AS b
                          WHERE b.invocation_id = x.blocker_id AND b.state <> ${FINALIZED})
        ORDER BY x.invocation_id`,
    { invocationId: text },
  );
  return {
    stuck: stuck.map((row) => fromRowId(row.invocationId)),
    next: last && fromRowId(last.invocationId),
  };
}

function fromRow(row: RowOf<typeof COLUMNS>): FinalizationState {
  return {
    id: fromRowId(row.invocationId),
    state: stateOf(row.state),
    blocker: fromNullableRowId(row.blockerId),
    blockerEnd: fromNullableRowId(row.blockerEndId),
    finalizedUpTo:
      row.finalizedUpTo === AFTER_ALL ? undefined : fromNullableRowId(row.finalizedUpTo),
    hasNoneLeft: row.finalizedUpTo === AFTER_ALL,
    bigqueryExports: row.bigqueryExports,
    finalizeTime: row.finalizeTime,
    closedBy: fromNullableRowId(row.closedBy),
  };
}

function fromNullableRowId(rowId: string | undefined): InvocationId | undefined {
  return rowId === undefined ? undefined : fromRowId(rowId);
}
