import { create } from '@bufbuild/protobuf';
import {
  type QueryRootInvocationNamesRequest,
  type QueryRootInvocationNamesResponse,
  QueryRootInvocationNamesResponseSchema,
} from '../../gen/luci/resultdb/v1/resultdb_pb.js';
import { findRoots } from '../../invocations/above/roots.ts';
import { invocationName, parseInvocationName } from '../../invocations/id.ts';
import type { CallContext } from '../shared/call-context.ts';
import { inField } from '../shared/field.ts';
import { requireInRealms } from '../shared/readable.ts';
import type { ResultDbParts } from './parts.ts';

export async function queryRootInvocationNames(
  parts: ResultDbParts,
  { name }: QueryRootInvocationNamesRequest,
  context: CallContext,
): Promise<QueryRootInvocationNamesResponse> {
  const id = inField('name', () => parseInvocationName(name));
  await requireInRealms(parts, context, { permission: 'resultdb.invocations.get', ids: [id] });
  const roots = await parts.db.read((reader) => findRoots(reader, id), context);
  return create(QueryRootInvocationNamesResponseSchema, {
    rootInvocationNames: roots.map(invocationName),
  });
}
