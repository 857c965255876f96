import { create } from '@bufbuild/protobuf';
import {
  type BatchCreateInvocationsRequest,
  type BatchCreateInvocationsResponse,
  BatchCreateInvocationsResponseSchema,
} from '../../gen/luci/resultdb/v1/recorder_pb.js';
import type { InvocationId } from '../../invocations/id.ts';
import type { CallContext } from '../shared/call-context.ts';
import { inEach, invalid } from '../shared/field.ts';
import { checkBatch, requireBatchSize, requireSame } from './batch.ts';
import {
  authorizeCreation,
  checkClaim,
  checkCreation,
  createInvocations,
} from './new-invocations.ts';
import type { RecorderParts } from './parts.ts';

/** Returns the update tokens in the response, since headers could not hold that many. */
export async function batchCreateInvocations(
  parts: RecorderParts,
  request: BatchCreateInvocationsRequest,
  context: CallContext,
): Promise<BatchCreateInvocationsResponse> {
  // Permissions come before the other checks, but a batch that is too large is refused first.
  requireBatchSize(request.requests);
  const claims = inEach('requests', request.requests, checkClaim);
  for (const claim of claims) await authorizeCreation(parts, context, { claim, batch: claims });
  requireSameRequestId(request);
  const creations = checkBatch(request, (inner) =>
    checkCreation(parts, context, { claim: checkClaim(inner), requestId: request.requestId }),
  );
  requireDistinctIds(creations.map(({ created }) => created.id));
  const invocations = await createInvocations(parts, context, creations);
  return create(BatchCreateInvocationsResponseSchema, {
    invocations,
    updateTokens: creations.map(({ created }) =>
      parts.updateTokens.issue(created.id, created.realm),
    ),
  });
}

/** Messages have the form of LUCI ResultDB's, which writes these paths with a dot. */
function requireSameRequestId({ requestId, requests }: BatchCreateInvocationsRequest): void {
  for (const [index, inner] of requests.entries()) {
    requireSame(`requests[${index}].request_id`, inner.requestId, requestId);
  }
}

function requireDistinctIds(ids: readonly InvocationId[]): void {
  for (const [index, id] of ids.entries()) {
    if (ids.indexOf(id) === index) continue;
    throw invalid(`requests[${index}].invocation_id: duplicated invocation id "${id}"`);
  }
}
