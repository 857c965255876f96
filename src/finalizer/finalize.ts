/** The write of FINALIZED, with all that follows from it in the same transaction. */
import { chunk } from '../concurrency.ts';
import { type InvocationId, toRowId } from '../invocations/id.ts';
import {
  clearBlockers,
  readWaits,
  type Standing,
  setFinalized,
  type Wait,
} from '../invocations/standings.ts';
import type { Transaction } from '../storage/database.ts';
import type { NewTask } from '../tasks/task.ts';
import { BQ_EXPORT } from '../tasks/types.ts';
import { DEFAULT_BOUNDS } from './bounds.ts';
import type { FinalizerParts } from './parts.ts';
import { scheduleTries, type Try } from './schedule.ts';

const BATCH_IDS = 500;

/**
 * Those of `standings` that are FINALIZING become FINALIZED. Nothing they reach can change. That
 * happens once to each, so that there are no tasks yet of the names of those that follow.
 */
export async function finalize(
  parts: FinalizerParts,
  tx: Transaction,
  standings: readonly Standing[],
): Promise<'finalized'> {
  const { clock, onChange, queue } = parts;
  const finalizing = standings.filter(({ state }) => state === 'FINALIZING');
  const ids = finalizing.map(({ id }) => id);
  await setFinalized(tx, ids, clock.now());
  await queue.replace(finalizing.flatMap(exportTasks), tx);
  await wakeWaiters(parts, tx, ids);
  if (onChange) tx.afterCommit(() => onChange(ids));
  return 'finalized';
}

/** Has those tried that wait for `finalized`; where they are very many, a task does the rest. */
export async function wakeWaiters(
  parts: FinalizerParts,
  tx: Transaction,
  finalized: readonly InvocationId[],
): Promise<void> {
  const { bounds = DEFAULT_BOUNDS } = parts;
  const done = new Set(finalized);
  for (const batch of chunk(finalized, BATCH_IDS)) {
    const limit = bounds.wakes + batch.length;
    const waits = await readWaits(tx, batch, limit);
    const woken = waits.filter(({ waiter }) => !done.has(waiter));
    await clearBlockers(
      tx,
      woken.map(({ waiter }) => waiter),
    );
    const last = waits.length === limit ? waits.at(-1) : undefined;
    const tries = [...woken.map(wakingTry), ...(last ? furtherTries(batch, last) : [])];
    await scheduleTries(parts, tx, tries);
  }
}

function exportTasks({ id, bigqueryExports }: Standing): NewTask<Uint8Array>[] {
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
