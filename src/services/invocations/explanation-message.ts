/** Converts the reason why an invocation is not FINALIZED to the message of the API. */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { Explanation } from '../../finalizer/explain.ts';
import {
  type BlockerSchema,
  EndCause,
  Explanation_Reason,
  type Explanation as ExplanationMessage,
  ExplanationSchema,
} from '../../gen/postlude/v1/invocations_pb.js';
import { invocationName } from '../../invocations/id.ts';
import { activeUntil, type InvocationOutline } from '../../invocations/invocation.ts';
import { toStateMessage } from '../shared/invocation-message.ts';
import { toTimestamp } from '../shared/timestamp.ts';

export function toExplanationMessage(explanation: Explanation): ExplanationMessage {
  return create(ExplanationSchema, {
    reason: Explanation_Reason[explanation.reason],
    chain: explanation.chain.map(toBlockerMessage),
    isShortened: explanation.isShortened,
  });
}

function toBlockerMessage(invocation: InvocationOutline): MessageInitShape<typeof BlockerSchema> {
  const { createdBy, createTime, deadline, endedBy, heartbeatTime, id, state } = invocation;
  return {
    name: invocationName(id),
    state: toStateMessage(state),
    createdBy: createdBy ?? '',
    createTime: toTimestamp(createTime),
    deadline: toTimestamp(deadline),
    activeUntil: toTimestamp(activeUntil(invocation)),
    isExpected: invocation.isExpected,
    endCause: endedBy === undefined ? EndCause.UNSPECIFIED : EndCause[endedBy],
    endReason: invocation.endReason ?? '',
    attempt: invocation.attempt,
    lastAttempt: invocation.lastAttempt,
    ...(heartbeatTime === undefined ? {} : { heartbeatTime: toTimestamp(heartbeatTime) }),
  };
}
