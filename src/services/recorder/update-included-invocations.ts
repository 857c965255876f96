import { create } from '@bufbuild/protobuf';
import { type Empty, EmptySchema } from '@bufbuild/protobuf/wkt';
import type { UpdateIncludedInvocationsRequest } from '../../gen/luci/resultdb/v1/recorder_pb.js';
import { type InvocationId, parseInvocationName } from '../../invocations/id.ts';
import { includeInvocations, removeInclusions } from '../../invocations/inclusions.ts';
import type { CallContext } from '../shared/call-context.ts';
import { inEach, inField, invalid } from '../shared/field.ts';
import { requireInRealms } from '../shared/readable.ts';
import { mutateInvocation } from './mutate-invocation.ts';
import type { RecorderParts } from './parts.ts';

interface Changes {
  readonly id: InvocationId;
  readonly added: readonly InvocationId[];
  readonly removed: readonly InvocationId[];
}

/** What is added may be in any state, and may lead back to the invocation itself. */
export async function updateIncludedInvocations(
  parts: RecorderParts,
  request: UpdateIncludedInvocationsRequest,
  context: CallContext,
): Promise<Empty> {
  const { id, added, removed } = checkChanges(request);
  await requireInRealms(parts, context, {
    permission: 'resultdb.invocations.include',
    ids: added,
  });
  await mutateInvocation({ parts, context, id }, async (tx) => {
    await removeInclusions(tx, id, removed);
    await includeInvocations(tx, id, added);
  });
  return create(EmptySchema);
}

function checkChanges(request: UpdateIncludedInvocationsRequest): Changes {
  const id = inField('including_invocation', () =>
    parseInvocationName(request.includingInvocation),
  );
  const added = inEach('add_invocations', request.addInvocations, parseInvocationName);
  const removed = inEach('remove_invocations', request.removeInvocations, parseInvocationName);
  if (added.includes(id)) throw invalid('add_invocations: must not name the including invocation');
  const addedSet = new Set(added);
  const both = removed.find((other) => addedSet.has(other));
  if (both !== undefined) {
    throw invalid(`invocations/${both} is in both add_invocations and remove_invocations`);
  }
  return { id, added, removed };
}
