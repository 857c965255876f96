import { CodedError } from '@postlude/queue/foundations';
import type { CreateTestExonerationRequest } from '../../../gen/luci/resultdb/v1/recorder_pb.js';
import type { TestExoneration } from '../../../gen/luci/resultdb/v1/test_result_pb.js';
import { parseInvocationName } from '../../../invocations/id.ts';
import type { CallContext } from '../../shared/call-context.ts';
import { inField } from '../../shared/field.ts';
import { checkRequestId } from '../batch.ts';
import type { RecorderParts } from '../parts.ts';
import { checkNewExoneration, createExonerations } from './new-exonerations.ts';

export async function createTestExoneration(
  parts: RecorderParts,
  request: CreateTestExonerationRequest,
  context: CallContext,
): Promise<TestExoneration> {
  const id = inField('invocation', () => parseInvocationName(request.invocation));
  const requestId = checkRequestId(request.requestId);
  const checked = checkNewExoneration(request, {
    caller: context.caller,
    schemes: parts.schemes,
    requestId,
    index: 0,
  });
  const [exoneration] = await createExonerations(parts, context, { id, exonerations: [checked] });
  if (!exoneration) throw new CodedError('data-loss', 'the exoneration was not recorded');
  return exoneration;
}
