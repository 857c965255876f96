/** Handlers that run a try: for `finalize` tasks of the queue, and for pushed tasks. */

import type { TaskHandler } from '@postlude/queue';
import { CodedError, PermanentError, toError } from '@postlude/queue/foundations';
import type { PushTaskHandler } from '@postlude/queue/tq';
import { fromRowId, type InvocationId, parseInvocationId } from '../invocations/id.ts';
import { type finalizationTasks, TRY_FINALIZE_INVOCATION } from './finalization-tasks.ts';
import { tryFinalize } from './finalizer.ts';
import type { FinalizerParts } from './parts.ts';

export function finalizeHandler(parts: FinalizerParts): TaskHandler<undefined> {
  return {
    type: TRY_FINALIZE_INVOCATION,
    handle: async ({ id, subject }) => {
      if (subject === undefined) throw new PermanentError(`task ${id} names no invocation`);
      await tryOnce(parts, fromRowId(subject));
    },
  };
}

type Payload = Parameters<typeof finalizationTasks.payload.encode>[0];

/** The handler of `finalizationTasks`. */
export function finalizePushHandler(parts: FinalizerParts): PushTaskHandler<Payload> {
  return async ({ payload }) => {
    await tryOnce(parts, parse(payload.invocationId));
  };
}

/** Throws if the invocation is to be tried again; the task is then retried after a pause. */
async function tryOnce(parts: FinalizerParts, id: InvocationId): Promise<void> {
  const outcome = await tryFinalize(parts, id);
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
