import { create } from '@bufbuild/protobuf';
import { explain } from '../finalizer/explain.ts';
import {
  type ExplainInvocationRequest,
  type ExplainInvocationResponse,
  ExplainInvocationResponseSchema,
} from '../gen/postlude/v1/invocations_pb.js';
import { parseInvocationName } from '../invocations/id.ts';
import type { CallContext } from '../rpc/call-context.ts';
import { inField } from '../rpc/field.ts';
import { requireInRealms } from '../rpc/readable.ts';
import { toExplanationMessage } from './explanation-message.ts';
import type { QueryParts } from './parts.ts';

/** The caller sees the whole chain, whatever the realms in it: it is part of the invocation's state. */
export async function explainInvocation(
  parts: QueryParts,
  request: ExplainInvocationRequest,
  { caller }: CallContext,
): Promise<ExplainInvocationResponse> {
  const id = inField('name', () => parseInvocationName(request.name));
  await requireInRealms(parts, caller, 'resultdb.invocations.get', [id]);
  const explanation = await parts.db.read((tx) => explain(tx, id));
  return create(ExplainInvocationResponseSchema, {
    explanation: toExplanationMessage(explanation),
  });
}
