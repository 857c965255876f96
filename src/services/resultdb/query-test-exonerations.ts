import { create } from '@bufbuild/protobuf';
import {
  type QueryTestExonerationsRequest,
  QueryTestExonerationsRequestSchema,
  type QueryTestExonerationsResponse,
  QueryTestExonerationsResponseSchema,
} from '../../gen/luci/resultdb/v1/resultdb_pb.js';
import { exonerationsPage } from '../../results/exonerations.ts';
import type { TestVariantPredicate } from '../../results/predicate.ts';
import type { CallContext } from '../shared/call-context.ts';
import { inField } from '../shared/field.ts';
import { mapInSlices } from '../shared/map-in-slices.ts';
import { PageTokens, pageSize, RESULT_PAGES } from '../shared/page.ts';
import { toVariantPredicate } from '../shared/predicate.ts';
import { toExonerationMessage } from '../shared/result-message.ts';
import type { ResultDbParts } from './parts.ts';
import { requireScope } from './query-scope.ts';
import { nextPageToken, pageStart } from './result-pages.ts';

/** Returns a page of the exonerations in all invocations that the named ones reach, however many. */
export async function queryTestExonerations(
  parts: ResultDbParts,
  request: QueryTestExonerationsRequest,
  context: CallContext,
): Promise<QueryTestExonerationsResponse> {
  const roots = await requireScope(parts, context, {
    permission: 'resultdb.testExonerations.list',
    request,
  });
  const predicate = predicateOf(request);
  const tokens = PageTokens.of(QueryTestExonerationsRequestSchema, request);
  const after = pageStart(tokens);
  const limit = pageSize(request.pageSize, RESULT_PAGES);
  const { rowIds } = await parts.reachableSets.read(roots, {}, context.signal);
  const { signal } = context;
  const page = await exonerationsPage(parts.db, { rowIds, predicate, after, limit, signal });
  return create(QueryTestExonerationsResponseSchema, {
    testExonerations: await mapInSlices(page.items, signal, toExonerationMessage),
    nextPageToken: nextPageToken(tokens, page),
  });
}

function predicateOf({ predicate }: QueryTestExonerationsRequest): TestVariantPredicate {
  return predicate === undefined ? {} : inField('predicate', () => toVariantPredicate(predicate));
}
