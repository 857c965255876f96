/**
 * Closed sets: an invocation that reaches nothing ACTIVE, together with everything it reaches that
 * is not FINALIZED. No member can change any more, so all members become FINALIZED at one moment.
 * If one transaction cannot write them all, that is the moment at which the root of the set becomes
 * FINALIZED.
 *
 * - `closedBy` names the root of the set, on each member and on the root itself. This mark is
 *   written before the set is decided, in as many transactions as it takes, and means nothing at
 *   first.
 * - From the moment the root is FINALIZED, every member that it marked counts as FINALIZED, with
 *   the root's time. So all code that reads a state reads it through `asSeen` or `seenState`.
 * - Then the members are *settled*, in as many transactions as it takes: their own rows become
 *   FINALIZED and lose the mark, and the tasks that follow are written. The root comes last.
 *
 * A database marks one set at a time, so that no two sets share a member that is not decided: the
 * root of a set has the turn until it is FINALIZED.
 */
import type { EpochMs } from '@postlude/queue/foundations';
import {
  index,
  nullable,
  type Reader,
  raw,
  type Sql,
  sql,
  type Transaction,
  text,
  timestamp,
} from '@postlude/queue/storage';
import { fromRowId, type InvocationId, toRowId } from './id.ts';
import { STATE_NUMBERS } from './state.ts';
import { closingTurns, invocations } from './table.ts';

const { state } = invocations.columns;
const members = index('invocations_by_closing', invocations, ['closedBy', 'invocationId']);
const TURN = { name: 'closed-set' };
const { FINALIZING, FINALIZED } = STATE_NUMBERS;

export interface StoredState {
  readonly invocationId: string;
  readonly state: number;
  readonly finalizeTime: EpochMs | undefined;
  readonly closedBy: string | undefined;
}

/** Returns the rows with the state and the time that they count as having. */
export async function asSeen<R extends StoredState>(
  reader: Reader,
  rows: readonly R[],
): Promise<readonly R[]> {
  const roots = new Set(rows.flatMap((row) => (isUnsettled(row) ? [row.closedBy ?? ''] : [])));
  if (roots.size === 0) return rows;
  const keys = [...roots].map((invocationId) => ({ invocationId }));
  const columns = { invocationId: text, state, finalizeTime: nullable(timestamp) };
  const found = await reader.readKeys(invocations, keys, columns);
  const rootsById = new Map(found.map((root) => [root.invocationId, root]));
  return rows.map((row) => {
    if (!isUnsettled(row)) return row;
    // If the root has been deleted since, it had been FINALIZED.
    const root = rootsById.get(row.closedBy ?? '');
    return { ...row, state: root?.state ?? FINALIZED, finalizeTime: root?.finalizeTime };
  });
}

function isUnsettled({ state, closedBy }: StoredState): boolean {
  return state === FINALIZING && closedBy !== undefined;
}

/**
 * Does the same in SQL: returns the state that a row counts as having. It is a scalar subquery,
 * which planners run for marked rows only; they may turn EXISTS into a read of the whole table.
 */
export function seenState(alias: string): Sql {
  const column = (name: string): Sql => raw(`${alias}.${name}`);
  return sql`CASE WHEN ${column('state')} = ${raw(String(FINALIZING))}
      AND ${column('closed_by')} IS NOT NULL
    THEN COALESCE((SELECT root.state FROM ${invocations} AS root
                   WHERE root.invocation_id = ${column('closed_by')}), ${raw(String(FINALIZED))})
    ELSE ${column('state')} END`;
}

/** Returns the root that has the turn, or had it last: the turn ends once the root is FINALIZED. */
export async function readTurn(reader: Reader): Promise<InvocationId | undefined> {
  const [turn] = await reader.readKeys(closingTurns, [TURN], { rootId: text });
  return turn && fromRowId(turn.rootId);
}

export async function takeTurn(tx: Transaction, root: InvocationId): Promise<void> {
  await tx.upsert(closingTurns, [{ ...TURN, rootId: toRowId(root) }]);
}

/**
 * The caller has read in this transaction that they are FINALIZING. Marked, they wait for nothing
 * else.
 */
export async function markClosed(
  tx: Transaction,
  ids: readonly InvocationId[],
  root: InvocationId,
): Promise<void> {
  const closedBy = toRowId(root);
  await tx.update(
    invocations,
    ids.map((id) => ({
      invocationId: toRowId(id),
      closedBy,
      blockerId: undefined,
      blockerEndId: undefined,
    })),
  );
}

/** Decides a set. The caller has seen in this transaction that all its members are marked. */
export async function decideClosed(
  tx: Transaction,
  root: InvocationId,
  finalizeTime: EpochMs,
): Promise<void> {
  const state = FINALIZED;
  await tx.update(invocations, [{ invocationId: toRowId(root), state, finalizeTime }]);
}

/** Reads the first `limit` invocations that still bear the mark of `root`, itself included. */
export async function readMarked(
  reader: Reader,
  root: InvocationId,
  limit: number,
): Promise<InvocationId[]> {
  const range = { first: [toRowId(root)], limit };
  const rows = await reader.readRange(members, range, { invocationId: text });
  return rows.map((row) => fromRowId(row.invocationId));
}

/** The caller has seen in this transaction that all members are settled. */
export async function unmarkRoot(tx: Transaction, root: InvocationId): Promise<void> {
  await tx.update(invocations, [{ invocationId: toRowId(root), closedBy: undefined }]);
}

/** Returns for a FINALIZED invocation whether the tasks that follow are still to be written. */
export async function isToBeSettled(reader: Reader, id: InvocationId): Promise<boolean> {
  const invocationId = toRowId(id);
  const columns = { closedBy: nullable(text) };
  const [row] = await reader.readKeys(invocations, [{ invocationId }], columns);
  return row?.closedBy !== undefined && row.closedBy !== invocationId;
}
