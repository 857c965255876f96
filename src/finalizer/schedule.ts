/** How finalization begins, and how the queue comes to try it. */
import { type InvocationId, toRowId } from '../invocations/id.ts';
import { setFinalizing } from '../invocations/standings.ts';
import type { Transaction } from '../storage/database.ts';
import type { NewTask } from '../tasks/task.ts';
import { TRY_FINALIZE_INVOCATION } from '../tasks/types.ts';
import type { FinalizerParts } from './parts.ts';

type SchedulingParts = Pick<FinalizerParts, 'clock' | 'onChange' | 'queue'>;

/**
 * Makes an invocation FINALIZING, and enqueues the first try to finalize it, both in `tx`. It reads
 * nothing: the caller has read in `tx` that the invocation is ACTIVE, or inserts it there.
 */
export function startFinalization(
  parts: SchedulingParts,
  tx: Transaction,
  id: InvocationId,
): Promise<void> {
  return startFinalizations(parts, tx, [id]);
}

/** The same for many at once. */
export async function startFinalizations(
  { clock, onChange, queue }: SchedulingParts,
  tx: Transaction,
  ids: readonly InvocationId[],
): Promise<void> {
  await setFinalizing(tx, ids, clock.now());
  await queue.enqueue(
    ids.map((id) => tryTask(id, `finalize/${toRowId(id)}`)),
    tx,
  );
  if (onChange) tx.afterCommit(() => onChange(ids));
}

/** A task to try one invocation. Tries are idempotent, so there may be several. */
export function tryTask(id: InvocationId, taskId: string): NewTask<undefined> {
  return { type: TRY_FINALIZE_INVOCATION, id: taskId, invocationId: toRowId(id) };
}
