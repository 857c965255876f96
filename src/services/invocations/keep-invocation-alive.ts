import { create } from '@bufbuild/protobuf';
import { CodedError } from '@postlude/queue/foundations';
import {
  type KeepInvocationAliveRequest,
  type KeepInvocationAliveResponse,
  KeepInvocationAliveResponseSchema,
} from '../../gen/postlude/v1/invocations_pb.js';
import { parseInvocationName } from '../../invocations/id.ts';
import { activeUntil } from '../../invocations/invocation.ts';
import { requireActive, updateInvocation } from '../../invocations/invocations.ts';
import type { RecorderParts } from '../recorder/parts.ts';
import { requireUpdateToken } from '../recorder/update-token.ts';
import type { CallContext } from '../shared/call-context.ts';
import { inField } from '../shared/field.ts';
import { toTimestamp } from '../shared/timestamp.ts';

export async function keepInvocationAlive(
  parts: RecorderParts,
  request: KeepInvocationAliveRequest,
  context: CallContext,
): Promise<KeepInvocationAliveResponse> {
  const id = inField('name', () => parseInvocationName(request.name));
  requireUpdateToken(parts.updateTokens, context.updateTokens, id);
  const until = await parts.db.write(
    async (tx) => {
      const { deadline, lostAfterMs, recorder } = await requireActive(tx, id);
      if (recorder !== request.recorder) {
        throw new CodedError('failed-precondition', `another process records invocations/${id}`);
      }
      const heartbeatTime = parts.clock.now();
      const endsAt = lostAfterMs === undefined ? undefined : heartbeatTime + lostAfterMs;
      await updateInvocation(tx, id, { heartbeatTime, endsAt });
      return activeUntil({ deadline, endsAt });
    },
    { signal: context.signal },
  );
  return create(KeepInvocationAliveResponseSchema, { activeUntil: toTimestamp(until) });
}
