import { startFinalization } from '../../finalizer/schedule.ts';
import type { Invocation } from '../../gen/luci/resultdb/v1/invocation_pb.js';
import type { FinalizeInvocationRequest } from '../../gen/luci/resultdb/v1/recorder_pb.js';
import { parseInvocationName } from '../../invocations/id.ts';
import { readIncluded } from '../../invocations/inclusions.ts';
import { requireInvocation } from '../../invocations/invocations.ts';
import type { CallContext } from '../shared/call-context.ts';
import { inField } from '../shared/field.ts';
import { toInvocationMessage } from '../shared/invocation-message.ts';
import type { RecorderParts } from './parts.ts';
import { requireUpdateToken } from './update-token.ts';

/**
 * Starts finalization, and returns the invocation as FINALIZING. If it is not ACTIVE any more, it is
 * returned unchanged and gets no second task.
 */
export async function finalizeInvocation(
  parts: RecorderParts,
  request: FinalizeInvocationRequest,
  context: CallContext,
): Promise<Invocation> {
  const id = inField('name', () => parseInvocationName(request.name));
  requireUpdateToken(parts.updateTokens, context.updateTokens, id);
  return parts.db.write(
    async (tx) => {
      const invocation = await requireInvocation(tx, id);
      const included = await readIncluded(tx, id);
      if (invocation.state !== 'ACTIVE') return toInvocationMessage(invocation, included);
      await startFinalization(parts.finalizer, tx, { id, included });
      return toInvocationMessage({ ...invocation, state: 'FINALIZING' }, included);
    },
    { signal: context.signal },
  );
}
