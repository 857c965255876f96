import { create } from '@bufbuild/protobuf';
import { FieldMaskSchema } from '@bufbuild/protobuf/wkt';
import type { Transaction } from '@postlude/queue/storage';
import { startFinalization } from '../../finalizer/schedule.ts';
import { type Invocation, Invocation_State } from '../../gen/luci/resultdb/v1/invocation_pb.js';
import type { UpdateInvocationRequest } from '../../gen/luci/resultdb/v1/recorder_pb.js';
import { decodeFields, encodeFields } from '../../invocations/fields/stored-fields.ts';
import { type InvocationId, parseInvocationName } from '../../invocations/id.ts';
import { readIncluded } from '../../invocations/inclusions.ts';
import type { InvocationChanges } from '../../invocations/invocation.ts';
import { readExtended, updateInvocation as updateRow } from '../../invocations/invocations.ts';
import type { CallContext } from '../shared/call-context.ts';
import { inField, invalid } from '../shared/field.ts';
import { readInvocationMessage } from '../shared/invocation-message.ts';
import { changeDetails } from './fields/change-details.ts';
import { type CheckedFields, checkFields } from './fields/checked-fields.ts';
import { checkExtendedProperties } from './fields/extended-fields.ts';
import { parseUpdateMask, type UpdateMask } from './fields/update-mask.ts';
import { mutateInvocation } from './mutate-invocation.ts';
import type { RecorderParts } from './parts.ts';
import { authorizeUpdate } from './update-permissions.ts';

/** Changes what the mask names. The state FINALIZING finalizes the invocation; ACTIVE changes nothing. */
export async function updateInvocation(
  parts: RecorderParts,
  request: UpdateInvocationRequest,
  context: CallContext,
): Promise<Invocation> {
  const { id, invocation, mask } = checkRequest(request);
  const rules = { now: parts.clock.now(), schemes: parts.schemes };
  const fields = inField('invocation', () => checkFields(invocation, mask.fields, rules));
  await mutateInvocation({ parts, context, id, lock: 'update' }, async (tx, stored) => {
    const allowed = await authorizeUpdate(parts, context, { stored, fields });
    const details = inField('invocation', () => changeDetails(stored.details, allowed));
    const extended = await changeExtended(tx, id, { fields: allowed, mask });
    await updateRow(tx, id, { ...columnsOf(allowed), ...details, ...extended });
    if (allowed.state === Invocation_State.FINALIZING) {
      const included = await readIncluded(tx, id);
      await startFinalization(parts.finalizer, tx, { id, included });
    }
    tx.afterCommit(() => parts.onChange?.([id]));
  });
  return parts.db.read((tx) => readInvocationMessage(tx, id), context);
}

function checkRequest({ invocation, updateMask }: UpdateInvocationRequest) {
  const id = inField('invocation', () =>
    inField('name', () => {
      if (invocation === undefined || invocation.name === '') throw invalid('unspecified');
      return { invocation, id: parseInvocationName(invocation.name) };
    }),
  );
  const { paths } = updateMask ?? create(FieldMaskSchema);
  return { ...id, mask: inField('update_mask', () => parseUpdateMask(paths, id.invocation)) };
}

/** The fields that have a column. A field that the mask does not name is missing. */
function columnsOf(fields: CheckedFields): InvocationChanges {
  const { bigqueryExports, deadline, realm, tags } = fields;
  return {
    ...(deadline === undefined ? {} : { deadline }),
    ...(realm === undefined ? {} : { realm }),
    ...(tags && { tags }),
    ...(bigqueryExports && { bigqueryExports }),
    ...('properties' in fields ? { properties: fields.properties } : {}),
  };
}

async function changeExtended(
  tx: Transaction,
  id: InvocationId,
  { fields, mask }: { readonly fields: CheckedFields; readonly mask: UpdateMask },
): Promise<InvocationChanges> {
  const { extendedProperties } = fields;
  if (!('instructions' in fields) && extendedProperties === undefined) return {};
  const stored = decodeFields(await readExtended(tx, id));
  if (fields.instructions) stored.instructions = fields.instructions;
  else if ('instructions' in fields) delete stored.instructions;
  if (extendedProperties !== undefined) {
    stored.extendedProperties = inField('invocation', () =>
      inField('extended_properties', () =>
        checkExtendedProperties(merged(stored.extendedProperties, extendedProperties, mask)),
      ),
    );
  }
  return { extended: encodeFields(stored) };
}

type ExtendedProperties = Invocation['extendedProperties'];

/** A key that the mask names, and the request does not have, is deleted. */
function merged(
  stored: ExtendedProperties,
  given: ExtendedProperties,
  { keys }: UpdateMask,
): ExtendedProperties {
  if (keys === undefined) return given;
  const kept = Object.entries(stored).filter(([key]) => !keys.has(key));
  return Object.fromEntries([...kept, ...Object.entries(given).filter(([key]) => keys.has(key))]);
}
