/** The write of FINALIZED, with all that follows from it in the same transaction. */
import type { EpochMs } from '../clock.ts';
import { chunk } from '../concurrency.ts';
import {
  clearBlockers,
  type FinalizationState,
  readWaits,
  setFinalized,
  type Wait,
} from '../invocations/finalization-state.ts';
import { type InvocationId, toRowId } from '../invocations/id.ts';
import { invocations } from '../invocations/table.ts';
import type { Transaction } from '../storage/database.ts';
import { mutationsOfRow } from '../storage/mutation-count.ts';
import { tasks } from '../tasks/table.ts';
import type { NewTask } from '../tasks/task.ts';
import { BQ_EXPORT } from '../tasks/types.ts';
import { DEFAULT_BOUNDS } from './bounds.ts';
import type { FinalizerParts } from './parts.ts';
import { scheduleTries, type Try } from './schedule.ts';

const BATCH_IDS = 500;
const FINALIZED_ROW = mutationsOfRow(invocations, 'update', [
  ...['invocationId', 'state', 'finalizeTime', 'finalizedUpTo'],
  ...['blockerId', 'blockerEndId', 'closedBy'],
]);
const TASK_ROW = mutationsOfRow(tasks, 'upsert', Object.keys(tasks.columns));

/**
 * Those of `states` that are FINALIZING become FINALIZED. Nothing they reach can change. That
 * happens once to each, so that there are no tasks yet of the names of those that follow.
 */
export async function finalize(
  parts: FinalizerParts,
  tx: Transaction,
  states: readonly FinalizationState[],
): Promise<'finalized'> {
  const finalizing = states.filter(({ state }) => state === 'FINALIZING');
  await writeFinalized(parts, tx, finalizing, parts.clock.now());
  return 'finalized';
}

/** Their rows become FINALIZED, and what follows from that is written. */
export async function writeFinalized(
  parts: FinalizerParts,
  tx: Transaction,
  finalizing: readonly FinalizationState[],
  finalizeTime: EpochMs,
): Promise<void> {
  const { onChange } = parts;
  const ids = finalizing.map(({ id }) => id);
  await setFinalized(tx, finalizing, finalizeTime);
  await enqueueExports(parts, tx, finalizing);
  await wakeWaiters(parts, tx, ids);
  if (onChange) tx.afterCommit(() => onChange(ids));
}

export async function enqueueExports(
  { queue }: FinalizerParts,
  tx: Transaction,
  finalizing: readonly FinalizationState[],
): Promise<void> {
  await queue.replace(finalizing.flatMap(exportTasks), tx);
}

/** What one of them takes to write, with a task that wakes its waiters: see `Bounds.mutations`. */
export function mutationsToFinalize({
  bigqueryExports,
}: Pick<FinalizationState, 'bigqueryExports'>): number {
  return FINALIZED_ROW + (bigqueryExports.length + 1) * TASK_ROW;
}

/** Has those tried that wait for `finalized`; where they are very many, a task does the rest. */
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
  const invocationId = toRowId(id);
  return bigqueryExports.map((payload, index) => ({
    type: BQ_EXPORT,
    id: `${invocationId}:${index}`,
    invocationId,
    payload,
  }));
}

/** Of its own for each pair: a task that another one enqueued may be running already. */
function wakingTry({ waiter, blocker }: Wait): Try {
  return { id: waiter, taskId: `${toRowId(blocker)}/${toRowId(waiter)}` };
}

/** A try of a FINALIZED invocation wakes those that still wait for it. */
function furtherTries(blockers: readonly InvocationId[], last: Wait): Try[] {
  const lastBlocker = toRowId(last.blocker);
  return blockers
    .filter((id) => toRowId(id) >= lastBlocker)
    .map((id) => ({ id, taskId: `${toRowId(id)}/more/${toRowId(last.waiter)}` }));
}
