/** Why an invocation is not FINALIZED, as clients see it. */
import { create } from '@bufbuild/protobuf';
import type { Explanation } from '../finalizer/explain.ts';
import {
  Explanation_Reason,
  type Explanation as ExplanationMessage,
  ExplanationSchema,
} from '../gen/postlude/v1/invocations_pb.js';
import { invocationName } from '../invocations/id.ts';
import { toStateMessage } from '../rpc/invocation-message.ts';
import { toTimestamp } from '../rpc/timestamp.ts';

export function toExplanationMessage(explanation: Explanation): ExplanationMessage {
  return create(ExplanationSchema, {
    reason: Explanation_Reason[explanation.reason],
    chain: explanation.chain.map(({ createdBy, createTime, deadline, id, state }) => ({
      name: invocationName(id),
      state: toStateMessage(state),
      createdBy: createdBy ?? '',
      createTime: toTimestamp(createTime),
      deadline: toTimestamp(deadline),
    })),
    isShortened: explanation.isShortened,
  });
}
