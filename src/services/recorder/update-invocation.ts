import { create } from '@bufbuild/protobuf';
import { FieldMaskSchema } from '@bufbuild/protobuf/wkt';
import type { EpochMs } from '@postlude/queue/foundations';
import type { Invocation } from '../../gen/luci/resultdb/v1/invocation_pb.js';
import type { UpdateInvocationRequest } from '../../gen/luci/resultdb/v1/recorder_pb.js';
import { type InvocationId, parseInvocationName } from '../../invocations/id.ts';
import { updateInvocation as updateRow } from '../../invocations/invocations.ts';
import type { CallContext } from '../shared/call-context.ts';
import { inField, invalid } from '../shared/field.ts';
import { readInvocationMessage } from '../shared/invocation-message.ts';
import { mutateInvocation } from './mutate-invocation.ts';
import type { RecorderParts } from './parts.ts';
import { checkDeadline } from './validate-invocation.ts';

const UPDATABLE = ['deadline'];

/** A deadline may become earlier or later. */
export async function updateInvocation(
  parts: RecorderParts,
  request: UpdateInvocationRequest,
  context: CallContext,
): Promise<Invocation> {
  const { id, deadline } = checkUpdate(request, parts.clock.now());
  await mutateInvocation({ parts, context, id }, async (tx) => {
    await updateRow(tx, id, { deadline });
    tx.afterCommit(() => parts.onChange?.([id]));
  });
  return parts.db.read((tx) => readInvocationMessage(tx, id), context);
}

function checkUpdate(
  { invocation, updateMask }: UpdateInvocationRequest,
  now: EpochMs,
): { readonly id: InvocationId; readonly deadline: EpochMs } {
  if (invocation === undefined) throw invalid('invocation: name: must not be empty');
  const id = inField('invocation', () =>
    inField('name', () => parseInvocationName(invocation.name)),
  );
  const { paths } = updateMask ?? create(FieldMaskSchema);
  if (paths.length === 0) throw invalid('update_mask: must name a field');
  const unknown = paths.find((path) => !UPDATABLE.includes(path));
  if (unknown !== undefined) {
    throw invalid(
      `update_mask: cannot update ${JSON.stringify(unknown)}, only ${UPDATABLE.join(', ')}`,
    );
  }
  return {
    id,
    deadline: inField('invocation', () =>
      inField('deadline', () => {
        if (invocation.deadline === undefined) throw invalid('timestamp: must be set');
        return checkDeadline(invocation.deadline, now);
      }),
    ),
  };
}
