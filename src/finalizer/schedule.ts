/** How finalization begins, and how invocations come to be tried. */
import { create } from '@bufbuild/protobuf';
import { TryFinalizeInvocationSchema } from '../gen/luci/resultdb/internal/tasks/tasks_pb.js';
import { type Start, setFinalizing } from '../invocations/finalization-state.ts';
import { type InvocationId, toRowId } from '../invocations/id.ts';
import type { Transaction } from '../storage/database.ts';
import type { NewTask } from '../tasks/task.ts';
import { TRY_FINALIZE_INVOCATION } from '../tasks/types.ts';
import { finalizationTasks, type PushedTries, useFinalizationTq } from './finalization-tasks.ts';
import type { FinalizerParts } from './parts.ts';

type SchedulingParts = Pick<FinalizerParts, 'clock' | 'onChange' | 'pushed' | 'queue'>;

/** An invocation that is to be tried. Tries are idempotent, so there may be several. */
export interface Try {
  readonly id: InvocationId;
  /** In the queue. */
  readonly taskId: string;
}

/**
 * Makes an invocation FINALIZING, and has it tried, both in `tx`. It reads nothing: the caller has
 * read in `tx` that the invocation is ACTIVE, or inserts it there.
 */
export function startFinalization(
  parts: SchedulingParts,
  tx: Transaction,
  start: Start,
): Promise<void> {
  return startFinalizations(parts, tx, [start]);
}

/** The same for many at once. */
export async function startFinalizations(
  parts: SchedulingParts,
  tx: Transaction,
  starts: readonly Start[],
): Promise<void> {
  const { clock, onChange } = parts;
  const ids = starts.map(({ id }) => id);
  await setFinalizing(tx, starts, clock.now());
  await scheduleTries(
    parts,
    tx,
    ids.map((id) => ({ id, taskId: `finalize/${toRowId(id)}` })),
  );
  if (onChange) tx.afterCommit(() => onChange(ids));
}

/** Has invocations tried once `tx` commits; the caller knows that they have no such tries yet. */
export async function scheduleTries(
  { pushed, queue }: Pick<FinalizerParts, 'pushed' | 'queue'>,
  tx: Transaction,
  tries: readonly Try[],
): Promise<void> {
  if (pushed?.experiments.isEnabled(useFinalizationTq)) return await push(pushed, tx, tries);
  await queue.replace(tries.map(toTask), tx);
}

/** The same where there may be such tries: these stay. Answers how many are new. */
export async function scheduleMissingTries(
  { pushed, queue }: Pick<FinalizerParts, 'pushed' | 'queue'>,
  tx: Transaction,
  tries: readonly Try[],
): Promise<number> {
  if (pushed?.experiments.isEnabled(useFinalizationTq)) {
    await push(pushed, tx, tries);
    return tries.length;
  }
  const outcomes = await queue.enqueue(tries.map(toTask), tx);
  return outcomes.filter((outcome) => outcome === 'enqueued').length;
}

function toTask({ id, taskId }: Try): NewTask<undefined> {
  return { type: TRY_FINALIZE_INVOCATION, id: taskId, invocationId: toRowId(id) };
}

async function push({ tq }: PushedTries, tx: Transaction, tries: readonly Try[]): Promise<void> {
  for (const { id } of tries) {
    const payload = create(TryFinalizeInvocationSchema, { invocationId: id });
    await tq.addTask({ class: finalizationTasks, payload, title: id }, tx);
  }
}
