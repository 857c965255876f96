import { create } from '@bufbuild/protobuf';
import { CodedError } from '@postlude/queue/foundations';
import type { Transaction } from '@postlude/queue/storage';
import { endInvocations } from '../../finalizer/end.ts';
import { startFinalization } from '../../finalizer/schedule.ts';
import {
  type EndInvocationRequest,
  type EndInvocationResponse,
  EndInvocationResponseSchema,
} from '../../gen/postlude/v1/invocations_pb.js';
import { type InvocationId, parseInvocationName } from '../../invocations/id.ts';
import { readIncluded } from '../../invocations/inclusions.ts';
import type { Invocation } from '../../invocations/invocation.ts';
import {
  describeState,
  requireInvocation,
  updateInvocation,
} from '../../invocations/invocations.ts';
import type { RecorderParts } from '../recorder/parts.ts';
import { requireUpdateToken } from '../recorder/update-token.ts';
import { checkProperties } from '../recorder/validate-invocation.ts';
import type { CallContext } from '../shared/call-context.ts';
import { inField, requireText } from '../shared/field.ts';
import { readInvocationMessage } from '../shared/invocation-message.ts';

const MAX_REASON_BYTES = 1024;

/** How the owner ends the invocation. */
interface OwnEnd {
  readonly id: InvocationId;
  readonly isCancelled: boolean;
  readonly reason: string | undefined;
  readonly properties: Uint8Array | undefined;
}

/**
 * Starts finalization, also if the invocation was cancelled. Repeating the call changes nothing. Throws
 * `failed-precondition` if something else ended the invocation, such as its deadline or a later attempt.
 */
export async function endInvocation(
  parts: RecorderParts,
  request: EndInvocationRequest,
  context: CallContext,
): Promise<EndInvocationResponse> {
  const id = inField('name', () => parseInvocationName(request.name));
  requireUpdateToken(parts.updateTokens, context.updateTokens, id);
  const end: OwnEnd = {
    id,
    isCancelled: request.cancelled,
    reason: inField('reason', () => requireText(request.reason, MAX_REASON_BYTES)) || undefined,
    properties: inField('properties', () => checkProperties(request.properties)),
  };
  await parts.db.write(
    async (tx) => {
      const invocation = await requireInvocation(tx, id);
      if (invocation.state === 'ACTIVE') await endActive(parts, tx, end);
      else checkEndedSo(invocation, end);
    },
    { signal: context.signal },
  );
  return create(EndInvocationResponseSchema, {
    invocation: await parts.db.read((tx) => readInvocationMessage(tx, id), context),
  });
}

async function endActive(
  parts: RecorderParts,
  tx: Transaction,
  { id, isCancelled, properties, reason }: OwnEnd,
): Promise<void> {
  if (properties !== undefined) await updateInvocation(tx, id, { properties });
  if (isCancelled) await endInvocations(parts.finalizer, tx, [{ id, cause: 'CANCELLED', reason }]);
  else await startFinalization(parts.finalizer, tx, { id, included: await readIncluded(tx, id) });
}

function checkEndedSo(invocation: Invocation, { isCancelled }: OwnEnd): void {
  if (invocation.endedBy === (isCancelled ? 'CANCELLED' : undefined)) return;
  throw new CodedError(
    'failed-precondition',
    `invocations/${invocation.id} is ${describeState(invocation)}`,
  );
}
