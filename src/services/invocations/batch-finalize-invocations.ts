import { create } from '@bufbuild/protobuf';
import {
  type BatchFinalizeInvocationsRequest,
  type BatchFinalizeInvocationsResponse,
  BatchFinalizeInvocationsResponseSchema,
} from '../../gen/postlude/v1/invocations_pb.js';
import { type InvocationId, parseInvocationName } from '../../invocations/id.ts';
import { requireBatchSize, requireDistinct } from '../recorder/batch.ts';
import type { RecorderParts } from '../recorder/parts.ts';
import { requireUpdateToken } from '../recorder/update-token.ts';
import type { CallContext } from '../shared/call-context.ts';
import { inEach, inField, invalid } from '../shared/field.ts';
import { toStateMessage } from '../shared/invocation-message.ts';

/**
 * Each invocation begins its finalization on its own, in transactions that they share; so one that fails
 * does not hold up the others.
 */
export async function batchFinalizeInvocations(
  parts: RecorderParts,
  request: BatchFinalizeInvocationsRequest,
  context: CallContext,
): Promise<BatchFinalizeInvocationsResponse> {
  const ids = checkRequests(parts, request, context);
  const outcomes = await Promise.allSettled(
    ids.map((id) => parts.starts.start(id, context.signal)),
  );
  const states = inEach('requests', outcomes, (outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason;
    return toStateMessage(outcome.value.invocation.state);
  });
  return create(BatchFinalizeInvocationsResponseSchema, { states });
}

function checkRequests(
  { updateTokens }: RecorderParts,
  { requests }: BatchFinalizeInvocationsRequest,
  { updateTokens: given }: CallContext,
): InvocationId[] {
  requireBatchSize(requests);
  if (requests.length === 0) throw invalid('requests: must not be empty');
  const ids = inEach('requests', requests, ({ name, updateToken }) => {
    const id = inField('name', () => parseInvocationName(name));
    requireUpdateToken(updateTokens, updateToken === '' ? given : [updateToken], id);
    return id;
  });
  requireDistinct(ids, (id) => id);
  return ids;
}
