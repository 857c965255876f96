import { create } from '@bufbuild/protobuf';
import {
  type ListTestResultsRequest,
  ListTestResultsRequestSchema,
  type ListTestResultsResponse,
  ListTestResultsResponseSchema,
} from '../../gen/luci/resultdb/v1/resultdb_pb.js';
import { parseInvocationName, toRowId } from '../../invocations/id.ts';
import { testResultsPage } from '../../results/test-results.ts';
import type { CallContext } from '../shared/call-context.ts';
import { inField } from '../shared/field.ts';
import { mapInSlices } from '../shared/map-in-slices.ts';
import { PageTokens, pageSize, RESULT_PAGES } from '../shared/page.ts';
import { requireInRealms } from '../shared/readable.ts';
import { toTestResultMessage } from '../shared/result-message.ts';
import type { ResultDbParts } from './parts.ts';
import { maskResult, nextPageToken, omittedBy, pageStart, resultMask } from './result-pages.ts';

/** Lists the results of the invocation itself, without those of included invocations. */
export async function listTestResults(
  parts: ResultDbParts,
  request: ListTestResultsRequest,
  context: CallContext,
): Promise<ListTestResultsResponse> {
  const { signal } = context;
  const id = inField('invocation', () => parseInvocationName(request.invocation));
  await requireInRealms(parts, context, { permission: 'resultdb.testResults.list', ids: [id] });
  const mask = resultMask(request.readMask);
  const omitted = omittedBy(mask);
  const tokens = PageTokens.of(ListTestResultsRequestSchema, request);
  const after = pageStart(tokens);
  const limit = pageSize(request.pageSize, RESULT_PAGES);
  const rowIds = [toRowId(id)];
  const page = await testResultsPage(parts.db, { rowIds, omitted, after, limit, signal });
  return create(ListTestResultsResponseSchema, {
    testResults: await mapInSlices(page.items, signal, (result) =>
      maskResult(toTestResultMessage(result), mask),
    ),
    nextPageToken: nextPageToken(tokens, page),
  });
}
