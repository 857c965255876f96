import { create } from '@bufbuild/protobuf';
import {
  type BatchCreateTestExonerationsRequest,
  type BatchCreateTestExonerationsResponse,
  BatchCreateTestExonerationsResponseSchema,
} from '../../../gen/luci/resultdb/v1/recorder_pb.js';
import { parseInvocationName } from '../../../invocations/id.ts';
import type { CallContext } from '../../shared/call-context.ts';
import { inField } from '../../shared/field.ts';
import { checkBatch, requireSame } from '../batch.ts';
import type { RecorderParts } from '../parts.ts';
import { checkNewExoneration, createExonerations } from './new-exonerations.ts';

export async function batchCreateTestExonerations(
  parts: RecorderParts,
  request: BatchCreateTestExonerationsRequest,
  context: CallContext,
): Promise<BatchCreateTestExonerationsResponse> {
  const id = inField('invocation', () => parseInvocationName(request.invocation));
  const { requestId } = request;
  const { schemes } = parts;
  const checked = checkBatch(request, (inner, index) => {
    requireSame('invocation', inner.invocation, request.invocation);
    return checkNewExoneration(inner, { caller: context.caller, schemes, requestId, index });
  });
  const testExonerations = await createExonerations(parts, context, { id, exonerations: checked });
  return create(BatchCreateTestExonerationsResponseSchema, { testExonerations });
}
