/** How finalization begins, and how invocations come to be tried. */
import { create } from '@bufbuild/protobuf';
import { TryFinalizeInvocationSchema } from '../gen/luci/resultdb/internal/tasks/tasks_pb.js';
import { type InvocationId, toRowId } from '../invocations/id.ts';
import { setFinalizing } from '../invocations/standings.ts';
import type { Transaction } from '../storage/database.ts';
import { TRY_FINALIZE_INVOCATION } from '../tasks/types.ts';
import { finalizationTasks, type PushedTries, useFinalizationTq } from './finalization-tasks.ts';
import type { FinalizerParts } from './parts.ts';

type SchedulingParts = Pick<FinalizerParts, 'clock' | 'onChange' | 'pushed' | 'queue'>;

/** An invocation that is to be tried. Tries are idempotent, so there may be several. */
export interface Try {
  readonly id: InvocationId;
  /** In the queue, where two of one id are one. */
  readonly taskId: string;
}

/**
 * Makes an invocation FINALIZING, and has it tried, both in `tx`. It reads nothing: the caller has
 * read in `tx` that the invocation is ACTIVE, or inserts it there.
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
  parts: SchedulingParts,
  tx: Transaction,
  ids: readonly InvocationId[],
): Promise<void> {
  const { clock, onChange } = parts;
  await setFinalizing(tx, ids, clock.now());
  await scheduleTries(
    parts,
    tx,
    ids.map((id) => ({ id, taskId: `finalize/${toRowId(id)}` })),
  );
  if (onChange) tx.afterCommit(() => onChange(ids));
}

/** Has invocations tried once `tx` commits; answers how many of the tries are new. */
export async function scheduleTries(
  { pushed, queue }: Pick<FinalizerParts, 'pushed' | 'queue'>,
  tx: Transaction,
  tries: readonly Try[],
): Promise<number> {
  if (pushed?.experiments.isEnabled(useFinalizationTq)) return await push(pushed, tx, tries);
  const outcomes = await queue.enqueue(
    tries.map(({ id, taskId }) => ({
      type: TRY_FINALIZE_INVOCATION,
      id: taskId,
      invocationId: toRowId(id),
    })),
    tx,
  );
  return outcomes.filter((outcome) => outcome === 'enqueued').length;
}

async function push({ tq }: PushedTries, tx: Transaction, tries: readonly Try[]): Promise<number> {
  for (const { id } of tries) {
    const payload = create(TryFinalizeInvocationSchema, { invocationId: id });
    await tq.addTask({ class: finalizationTasks, payload, title: id }, tx);
  }
  return tries.length;
}
