import { create } from '@bufbuild/protobuf';
import { explain } from '../../finalizer/explain.ts';
import {
  type ExplainInvocationRequest,
  type ExplainInvocationResponse,
  ExplainInvocationResponseSchema,
} from '../../gen/postlude/v1/invocations_pb.js';
import { parseInvocationName } from '../../invocations/id.ts';
import type { CallContext } from '../shared/call-context.ts';
import { inField } from '../shared/field.ts';
import { requireInRealms } from '../shared/readable.ts';
import { toExplanationMessage } from './explanation-message.ts';
import type { ReadingParts } from './parts.ts';

/** The caller sees the whole chain, whichever realms it crosses: it is part of the invocation's state. */
export async function explainInvocation(
  parts: ReadingParts,
  request: ExplainInvocationRequest,
  context: CallContext,
): Promise<ExplainInvocationResponse> {
  const id = inField('name', () => parseInvocationName(request.name));
  await requireInRealms(parts, context, { permission: 'resultdb.invocations.get', ids: [id] });
  const explanation = await parts.db.read((tx) => explain(tx, id), context);
  return create(ExplainInvocationResponseSchema, {
    explanation: toExplanationMessage(explanation),
  });
}
