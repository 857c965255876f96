import type { Invocation } from '../../gen/luci/resultdb/v1/invocation_pb.js';
import type { GetInvocationRequest } from '../../gen/luci/resultdb/v1/resultdb_pb.js';
import { parseInvocationName } from '../../invocations/id.ts';
import type { CallContext } from '../shared/call-context.ts';
import { inField } from '../shared/field.ts';
import { readCompleteMessage } from '../shared/invocation-message.ts';
import { requireInRealms } from '../shared/readable.ts';
import type { ResultDbParts } from './parts.ts';

export async function getInvocation(
  parts: ResultDbParts,
  request: GetInvocationRequest,
  context: CallContext,
): Promise<Invocation> {
  const id = inField('name', () => parseInvocationName(request.name));
  await requireInRealms(parts, context, { permission: 'resultdb.invocations.get', ids: [id] });
  return parts.db.read((tx) => readCompleteMessage(tx, id), context);
}
