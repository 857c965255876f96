/** Handlers that run tries: for `finalize` tasks of the queue, in groups, and for pushed tasks. */

import type { BatchContext, BatchTaskHandler, Task } from '@postlude/queue';
import { CodedError, forEachLimit, PermanentError, toError } from '@postlude/queue/foundations';
import type { PushTaskHandler } from '@postlude/queue/tq';
import { fromRowId, type InvocationId, parseInvocationId } from '../invocations/id.ts';
import { type finalizationTasks, TRY_FINALIZE_INVOCATION } from './finalization-tasks.ts';
import { continueTry, tryFinalize } from './finalizer.ts';
import { type GroupedTry, Groups, type UndecidedTry } from './group/groups.ts';
import type { FinalizerParts } from './parts.ts';
import type { TryOutcome } from './verdict.ts';

/** How many tries that need transactions of their own go on at once. */
const ALONE_AT_ONCE = 4;

type Context = BatchContext<undefined>;

export function finalizeHandler(parts: FinalizerParts): BatchTaskHandler<undefined> {
  const groups = new Groups(parts);
  return {
    type: TRY_FINALIZE_INVOCATION,
    handleBatch: async (tasks, context) => {
      const tries = tasks.flatMap((task) => toTry(task, context));
      const undecided = await groups.decide(tries, context);
      await forEachLimit(undecided, ALONE_AT_ONCE, (one) => goOnAlone(parts, one, context));
    },
  };
}

function toTry(task: Task<undefined>, context: Context): GroupedTry[] {
  const { id, subject } = task;
  if (subject !== undefined) return [{ task, id: fromRowId(subject) }];
  context.fail(task, new PermanentError(`task ${id} names no invocation`));
  return [];
}

/** Settles the task on its own, so that its failure is not that of the others. */
async function goOnAlone(
  parts: FinalizerParts,
  { task, id, question }: UndecidedTry,
  context: Context,
): Promise<void> {
  if (!context.isOpen(task)) return;
  try {
    requireDecided(await continueTry(parts, id, question));
    context.done(task);
  } catch (error) {
    context.fail(task, error);
  }
}

type Payload = Parameters<typeof finalizationTasks.payload.encode>[0];

/** The handler of `finalizationTasks`. */
export function finalizePushHandler(parts: FinalizerParts): PushTaskHandler<Payload> {
  return async ({ payload }) => {
    requireDecided(await tryFinalize(parts, parse(payload.invocationId)));
  };
}

/** Throws if the invocation is to be tried again; the task is then retried after a pause. */
function requireDecided(outcome: TryOutcome): void {
  if (outcome !== 'postponed') return;
  throw new CodedError('conflict', 'another large closed set is being finalized first');
}

function parse(invocationId: string): InvocationId {
  try {
    return parseInvocationId(invocationId);
  } catch (cause) {
    throw new PermanentError(toError(cause).message, { cause });
  }
}
