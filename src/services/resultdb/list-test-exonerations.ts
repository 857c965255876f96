import { create } from '@bufbuild/protobuf';
import {
  type ListTestExonerationsRequest,
  ListTestExonerationsRequestSchema,
  type ListTestExonerationsResponse,
  ListTestExonerationsResponseSchema,
} from '../../gen/luci/resultdb/v1/resultdb_pb.js';
import { parseInvocationName, toRowId } from '../../invocations/id.ts';
import { exonerationsPage } from '../../results/exonerations.ts';
import type { CallContext } from '../shared/call-context.ts';
import { inField } from '../shared/field.ts';
import { mapInSlices } from '../shared/map-in-slices.ts';
import { PageTokens, pageSize, RESULT_PAGES } from '../shared/page.ts';
import { requireInRealms } from '../shared/readable.ts';
import { toExonerationMessage } from '../shared/result-message.ts';
import type { ResultDbParts } from './parts.ts';
import { nextPageToken, pageStart } from './result-pages.ts';

/** Lists the exonerations of the invocation itself, without those of included invocations. */
export async function listTestExonerations(
  parts: ResultDbParts,
  request: ListTestExonerationsRequest,
  context: CallContext,
): Promise<ListTestExonerationsResponse> {
  const { signal } = context;
  const id = inField('invocation', () => parseInvocationName(request.invocation));
  await requireInRealms(parts, context, {
    permission: 'resultdb.testExonerations.list',
    ids: [id],
  });
  const tokens = PageTokens.of(ListTestExonerationsRequestSchema, request);
  const after = pageStart(tokens);
  const limit = pageSize(request.pageSize, RESULT_PAGES);
  const page = await exonerationsPage(parts.db, { rowIds: [toRowId(id)], after, limit, signal });
  return create(ListTestExonerationsResponseSchema, {
    testExonerations: await mapInSlices(page.items, signal, toExonerationMessage),
    nextPageToken: nextPageToken(tokens, page),
  });
}
