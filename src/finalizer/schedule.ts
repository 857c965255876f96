/** Begins finalizations, and schedules tries. */
import { create } from '@bufbuild/protobuf';
import type { NewTask } from '@postlude/queue';
import type { EpochMs } from '@postlude/queue/foundations';
import type { Transaction } from '@postlude/queue/storage';
import { TryFinalizeInvocationSchema } from '../gen/luci/resultdb/internal/tasks/tasks_pb.js';
import { type Start, setFinalizing } from '../invocations/finalization-state.ts';
import { type InvocationId, toRowId } from '../invocations/id.ts';
import {
  finalizationTasks,
  type PushedTries,
  TRY_FINALIZE_INVOCATION,
  useFinalizationTq,
} from './finalization-tasks.ts';
import type { FinalizerParts } from './parts.ts';

/** The collaborators of a transaction that begins a finalization. */
export type SchedulingParts = Pick<FinalizerParts, 'clock' | 'onChange' | 'pushed' | 'queue'>;

/** A try to schedule. Tries are idempotent, so an invocation may have several. */
export interface NewTry {
  readonly id: InvocationId;
  /** The id of the task in the queue. */
  readonly taskId: string;
}

/**
 * Makes an invocation FINALIZING and schedules a try, both in `tx`. It reads nothing: the caller
 * has read in `tx` that the invocation is ACTIVE, or inserts it there. Returns when it became that.
 */
export function startFinalization(
  parts: SchedulingParts,
  tx: Transaction,
  start: Start,
): Promise<EpochMs> {
  return startFinalizations(parts, tx, [start]);
}

/** Does the same for many invocations at once. */
export async function startFinalizations(
  parts: SchedulingParts,
  tx: Transaction,
  starts: readonly Start[],
): Promise<EpochMs> {
  const { clock, onChange } = parts;
  const startTime = clock.now();
  const ids = starts.map(({ id }) => id);
  await setFinalizing(tx, starts, startTime);
  await scheduleTries(
    parts,
    tx,
    ids.map((id) => ({ id, taskId: `finalize/${toRowId(id)}` })),
  );
  if (onChange) tx.afterCommit(() => onChange(ids));
  return startTime;
}

/** Schedules tries once `tx` commits. The caller knows that there are no such tries yet. */
export async function scheduleTries(
  { pushed, queue }: Pick<FinalizerParts, 'pushed' | 'queue'>,
  tx: Transaction,
  tries: readonly NewTry[],
): Promise<void> {
  if (pushed?.experiments.isEnabled(useFinalizationTq)) return await push(pushed, tx, tries);
  await queue.replace(tries.map(toTask), tx);
}

/** Schedules those tries that do not exist yet, and returns how many these are. */
export async function scheduleMissingTries(
  { pushed, queue }: Pick<FinalizerParts, 'pushed' | 'queue'>,
  tx: Transaction,
  tries: readonly NewTry[],
): Promise<number> {
  if (pushed?.experiments.isEnabled(useFinalizationTq)) {
    await push(pushed, tx, tries);
    return tries.length;
  }
  const outcomes = await queue.enqueue(tries.map(toTask), tx);
  return outcomes.filter((outcome) => outcome === 'enqueued').length;
}

function toTask({ id, taskId }: NewTry): NewTask<undefined> {
  return { type: TRY_FINALIZE_INVOCATION, id: taskId, subject: toRowId(id) };
}

async function push({ tq }: PushedTries, tx: Transaction, tries: readonly NewTry[]): Promise<void> {
  for (const { id } of tries) {
    const payload = create(TryFinalizeInvocationSchema, { invocationId: id });
    await tq.addTask({ class: finalizationTasks, payload, title: id }, tx);
  }
}
