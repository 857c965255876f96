import { create } from '@bufbuild/protobuf';
import {
  type BatchCreateInvocationsRequest,
  type BatchCreateInvocationsResponse,
  BatchCreateInvocationsResponseSchema,
} from '../../gen/luci/resultdb/v1/recorder_pb.js';
import type { CallContext } from '../shared/call-context.ts';
import { inEach } from '../shared/field.ts';
import { checkBatch, requireBatchSize, requireDistinct } from './batch.ts';
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
  for (const claim of claims) await authorizeCreation(parts, context, claim);
  const creations = checkBatch(request, (inner) =>
    checkCreation(parts, context, { claim: checkClaim(inner), requestId: request.requestId }),
  );
  requireDistinct(creations, ({ created }) => created.id);
  const invocations = await createInvocations(parts, context, creations);
  return create(BatchCreateInvocationsResponseSchema, {
    invocations,
    updateTokens: creations.map(({ created }) =>
      parts.updateTokens.issue(created.id, created.realm),
    ),
  });
}
