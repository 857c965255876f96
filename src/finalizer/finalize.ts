/** Writes FINALIZED, and everything that follows from it in the same transaction. */

import type { NewTask } from '@postlude/queue';
import { chunk, type EpochMs } from '@postlude/queue/foundations';
import { mutationsOfRow, type Transaction } from '@postlude/queue/storage';
import { tasks } from '@postlude/queue/tables';
import { enqueueInvocationRows, INVOCATION_ROW_MUTATIONS } from '../exporter/invocation-rows.ts';
import { exportTask } from '../exporter/task.ts';
import {
  clearBlockers,
  type FinalizationState,
  readWaits,
  setFinalized,
  type Wait,
} from '../invocations/finalization-state.ts';
import { type InvocationId, toRowId } from '../invocations/id.ts';
import { invocations } from '../invocations/table.ts';
import { DEFAULT_BOUNDS } from './bounds.ts';
import type { FinalizerParts } from './parts.ts';
import { type NewTry, scheduleTries } from './schedule.ts';

const BATCH_IDS = 500;
const FINALIZED_ROW = mutationsOfRow(invocations, 'update', [
  'invocationId',
  'state',
  'finalizeTime',
  'finalizedUpTo',
  'blockerId',
  'blockerEndId',
  'closedBy',
]);
const TASK_ROW = mutationsOfRow(tasks, 'upsert', Object.keys(tasks.columns));

/**
 * Finalizes those of `states` that are FINALIZING. The caller knows that nothing they reach can
 * change. An invocation is finalized once, so no task has yet the name of one that follows from it.
 */
export async function finalize(
  parts: FinalizerParts,
  tx: Transaction,
  states: readonly FinalizationState[],
): Promise<'finalized'> {
  const finalized = states.filter(({ state }) => state === 'FINALIZING');
  await writeFinalized(parts, tx, { finalized, finalizeTime: parts.clock.now() });
  return 'finalized';
}

interface Finalized {
  readonly finalized: readonly FinalizationState[];
  readonly finalizeTime: EpochMs;
}

/** Writes FINALIZED into the rows, and everything that follows from it. */
export async function writeFinalized(
  parts: FinalizerParts,
  tx: Transaction,
  { finalized, finalizeTime }: Finalized,
): Promise<void> {
  const { onChange } = parts;
  const ids = finalized.map(({ id }) => id);
  await setFinalized(tx, finalized, finalizeTime);
  await enqueueExports(parts, tx, finalized);
  await wakeWaiters(parts, tx, ids);
  if (onChange) tx.afterCommit(() => onChange(ids));
}

/** Enqueues the exports that they have asked for, and those of their own rows if that is configured. */
export async function enqueueExports(
  { clock, invocationRows: table, queue }: FinalizerParts,
  tx: Transaction,
  finalized: readonly FinalizationState[],
): Promise<void> {
  await queue.replace(finalized.flatMap(exportTasks), tx);
  if (table === undefined) return;
  const ids = finalized.map(({ id }) => id);
  await enqueueInvocationRows(queue, tx, { ids, table, requestTime: clock.now() });
}

/**
 * Returns the mutations that finalizing one invocation takes at most, with a task that wakes its waiters
 * and the export of its own row: see `Bounds.mutations`.
 */
export function mutationsToFinalize({
  bigqueryExports,
}: Pick<FinalizationState, 'bigqueryExports'>): number {
  return FINALIZED_ROW + (bigqueryExports.length + 1) * TASK_ROW + INVOCATION_ROW_MUTATIONS;
}

/**
 * Has all invocations tried that wait for one of `finalized`. If they are very many, a task wakes
 * the rest.
 */
export async function wakeWaiters(
  parts: FinalizerParts,
  tx: Transaction,
  finalized: readonly InvocationId[],
): Promise<void> {
  const { bounds = DEFAULT_BOUNDS } = parts;
  const done = new Set(finalized);
  let wakes = bounds.wakes;
  for (const batch of chunk(finalized, BATCH_IDS)) {
    const limit = Math.max(wakes, 0) + batch.length;
    const waits = await readWaits(tx, batch, limit);
    const woken = waits.filter(({ waiter }) => !done.has(waiter));
    wakes -= woken.length;
    await clearBlockers(
      tx,
      woken.map(({ waiter }) => waiter),
    );
    const last = waits.length === limit ? waits.at(-1) : undefined;
    const tries = [...woken.map(wakingTry), ...(last ? furtherTries(batch, last) : [])];
    await scheduleTries(parts, tx, tries);
  }
}

function exportTasks({ id, bigqueryExports }: FinalizationState): NewTask<Uint8Array>[] {
  return bigqueryExports.map((payload, index) => exportTask(id, index, payload));
}

/** Each pair has a task of its own: a task that another blocker enqueued may be running already. */
function wakingTry({ waiter, blocker }: Wait): NewTry {
  return { id: waiter, taskId: `${toRowId(blocker)}/${toRowId(waiter)}` };
}

/** A try of a FINALIZED invocation wakes the invocations that still wait for it. */
function furtherTries(blockers: readonly InvocationId[], last: Wait): NewTry[] {
  const lastBlocker = toRowId(last.blocker);
  return blockers
    .filter((id) => toRowId(id) >= lastBlocker)
    .map((id) => ({ id, taskId: `${toRowId(id)}/more/${toRowId(last.waiter)}` }));
}
