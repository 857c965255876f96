import { CodedError } from '@postlude/queue/foundations';
import type { Invocation } from '../../gen/luci/resultdb/v1/invocation_pb.js';
import type { CreateInvocationRequest } from '../../gen/luci/resultdb/v1/recorder_pb.js';
import { type CallContext, UPDATE_TOKEN_HEADER } from '../shared/call-context.ts';
import { checkRequestId } from './batch.ts';
import {
  authorizeCreation,
  checkClaim,
  checkCreation,
  createInvocations,
} from './new-invocations.ts';
import type { RecorderParts } from './parts.ts';

/** Returns the update token in a response header. */
export async function createInvocation(
  parts: RecorderParts,
  request: CreateInvocationRequest,
  context: CallContext,
): Promise<Invocation> {
  const claim = checkClaim(request);
  await authorizeCreation(parts, context, { claim, batch: [] });
  checkRequestId(request.requestId);
  const creation = checkCreation(parts, context, { claim, requestId: request.requestId });
  const [invocation] = await createInvocations(parts, context, [creation]);
  if (!invocation) throw new CodedError('data-loss', `${claim.id} is gone`);
  const { id, realm } = creation.created;
  context.setHeader(UPDATE_TOKEN_HEADER, parts.updateTokens.issue(id, realm));
  return invocation;
}
