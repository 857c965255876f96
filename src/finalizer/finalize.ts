/** The exports that follow from FINALIZED in the same transaction, and what it takes to write both. */

import type { NewTask } from '@postlude/queue';
import { mutationsOfRow, type Transaction } from '@postlude/queue/storage';
import { tasks } from '@postlude/queue/tables';
import { enqueueInvocationRows, INVOCATION_ROW_MUTATIONS } from '../exporter/invocation-rows.ts';
import { exportTask } from '../exporter/task.ts';
import type { FinalizationState } from '../invocations/finalization-state.ts';
import { invocations } from '../invocations/table.ts';
import type { FinalizerParts } from './parts.ts';

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
 * Enqueues the exports that they have asked for, and those of their own rows if that is configured. An
 * invocation is finalized once, so no task has yet the name of one of these.
 */
export async function enqueueExports(
  { clock, invocationRows: table, queue }: FinalizerParts,
  tx: Transaction,
  finalized: readonly FinalizationState[],
): Promise<void> {
  if (finalized.length === 0) return;
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

function exportTasks({ id, bigqueryExports }: FinalizationState): NewTask<Uint8Array>[] {
  return bigqueryExports.map((payload, index) => exportTask(id, index, payload));
}
