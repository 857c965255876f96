import type { Invocation } from '../../gen/luci/resultdb/v1/invocation_pb.js';
import type { FinalizeInvocationRequest } from '../../gen/luci/resultdb/v1/recorder_pb.js';
import { parseInvocationName } from '../../invocations/id.ts';
import type { CallContext } from '../shared/call-context.ts';
import { inField } from '../shared/field.ts';
import { readWholeMessage } from '../shared/invocation-message.ts';
import type { RecorderParts } from './parts.ts';
import { requireUpdateToken } from './update-token.ts';

/**
 * Starts finalization, and returns the invocation as FINALIZING. If it is not ACTIVE any more, it is
 * returned unchanged and gets no second task. Calls that arrive together share a transaction.
 */
export async function finalizeInvocation(
  parts: RecorderParts,
  request: FinalizeInvocationRequest,
  context: CallContext,
): Promise<Invocation> {
  const id = inField('name', () => parseInvocationName(request.name));
  requireUpdateToken(parts.updateTokens, context.updateTokens, id);
  const { signal } = context;
  const { invocation, included } = await parts.starts.start(id, signal);
  return await parts.db.read((reader) => readWholeMessage(reader, invocation, included), {
    signal,
  });
}
