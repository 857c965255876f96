/** What the dispatcher runs for tasks `finalize`. */
import { PermanentError } from '../errors.ts';
import { fromRowId } from '../invocations/id.ts';
import type { TaskHandler } from '../tasks/handler.ts';
import { TRY_FINALIZE_INVOCATION } from '../tasks/types.ts';
import { tryFinalize } from './finalizer.ts';
import type { FinalizerParts } from './parts.ts';

export function finalizeHandler(parts: FinalizerParts): TaskHandler<undefined> {
  return {
    type: TRY_FINALIZE_INVOCATION,
    handle: async ({ id, invocationId }) => {
      if (invocationId === undefined) throw new PermanentError(`task ${id} names no invocation`);
      await tryFinalize(parts, fromRowId(invocationId));
    },
  };
}
