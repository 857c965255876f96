/**
 * Closed sets: invocations that reach nothing ACTIVE, and with them all they reach that is not
 * FINALIZED. Nothing of it can change any more, so all of it becomes FINALIZED at one moment; where
 * one transaction cannot write so much, that moment is the one at which its root does.
 *
 * - `closedBy` names the root of its set, on each member and on the root itself. It is written
 *   before the set is decided, in as many transactions as it takes, and means nothing yet.
 * - From the moment the root is FINALIZED, whatever it marked counts as FINALIZED, with the root's
 *   time: whoever reads a state reads it through `asSeen` or `seenState`.
 * - Then members are *settled*, in as many transactions as it takes: their rows say FINALIZED
 *   themselves, with the tasks that follow, and bear the mark no more; the root comes last.
 *
 * One set is marked at a time in a database, so that no two share a member that is not decided: the
 * turn is its root's until that is FINALIZED.
 */
import type { EpochMs } from '../clock.ts';
import { nullable, text, timestamp } from '../storage/column.ts';
import type { Reader, Transaction } from '../storage/database.ts';
import { raw, type Sql, sql } from '../storage/sql.ts';
import { index } from '../storage/table.ts';
import { fromRowId, type InvocationId, toRowId } from './id.ts';
import { STATE_NUMBERS } from './state.ts';
import { closingTurns, invocations } from './table.ts';

const { state } = invocations.columns;
const members = index('invocations_by_closing', invocations, ['closedBy', 'invocationId']);
const TURN = { name: 'closed-set' };
const { FINALIZING, FINALIZED } = STATE_NUMBERS;

interface StoredState {
  readonly invocationId: string;
  readonly state: number;
  readonly finalizeTime: EpochMs | undefined;
  readonly closedBy: string | undefined;
}

/** The rows with the state and the time that they count as having. */
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
    // A root that has been deleted since had been FINALIZED.
    const root = rootsById.get(row.closedBy ?? '');
    return { ...row, state: root?.state ?? FINALIZED, finalizeTime: root?.finalizeTime };
  });
}

function isUnsettled({ state, closedBy }: StoredState): boolean {
  return state === FINALIZING && closedBy !== undefined;
}

/**
 * The same in SQL: the state that a row counts as having. A scalar subquery, which planners run for
 * marked rows only: what EXISTS says they may turn into a read of the whole table.
 */
export function seenState(alias: string): Sql {
  const column = (name: string): Sql => raw(`${alias}.${name}`);
  return sql`CASE WHEN ${column('state')} = ${raw(String(FINALIZING))}
      AND ${column('closed_by')} IS NOT NULL
    THEN COALESCE((SELECT root.state FROM ${invocations} AS root
                   WHERE root.invocation_id = ${column('closed_by')}), ${raw(String(FINALIZED))})
    ELSE ${column('state')} END`;
}

/** Whose turn it is, or was last: it has ended once that one is FINALIZED. */
export async function readTurn(reader: Reader): Promise<InvocationId | undefined> {
  const [turn] = await reader.readKeys(closingTurns, [TURN], { rootId: text });
  return turn && fromRowId(turn.rootId);
}

export async function takeTurn(tx: Transaction, root: InvocationId): Promise<void> {
  await tx.upsert(closingTurns, [{ ...TURN, rootId: toRowId(root) }]);
}

/** The caller has seen in this transaction that they are FINALIZING. They wait for nothing else. */
export async function markClosed(
  tx: Transaction,
  ids: readonly InvocationId[],
  root: InvocationId,
): Promise<void> {
  const closedBy = toRowId(root);
  await tx.update(
    invocations,
    ids.map((id) => ({
      ...{ invocationId: toRowId(id), closedBy },
      ...{ blockerId: undefined, blockerEndId: undefined },
    })),
  );
}

/** The set's one decision. The caller has seen in this transaction that all of it is marked. */
export async function decideClosed(
  tx: Transaction,
  root: InvocationId,
  finalizeTime: EpochMs,
): Promise<void> {
  const state = FINALIZED;
  await tx.update(invocations, [{ invocationId: toRowId(root), state, finalizeTime }]);
}

/** The first `limit` that still bear the mark of `root`, itself included. */
export async function readMarked(
  reader: Reader,
  root: InvocationId,
  limit: number,
): Promise<InvocationId[]> {
  const range = { first: [toRowId(root)], limit };
  const rows = await reader.readRange(members, range, { invocationId: text });
  return rows.map((row) => fromRowId(row.invocationId));
}

/** All members are settled. */
export async function unmarkRoot(tx: Transaction, root: InvocationId): Promise<void> {
  await tx.update(invocations, [{ invocationId: toRowId(root), closedBy: undefined }]);
}

/** Of a FINALIZED one: whether the tasks that follow from that are still to be written. */
export async function isToBeSettled(reader: Reader, id: InvocationId): Promise<boolean> {
  const invocationId = toRowId(id);
  const columns = { closedBy: nullable(text) };
  const [row] = await reader.readKeys(invocations, [{ invocationId }], columns);
  return row?.closedBy !== undefined && row.closedBy !== invocationId;
}
