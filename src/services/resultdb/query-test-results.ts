import { create } from '@bufbuild/protobuf';
import {
  type QueryTestResultsRequest,
  QueryTestResultsRequestSchema,
  type QueryTestResultsResponse,
  QueryTestResultsResponseSchema,
} from '../../gen/luci/resultdb/v1/resultdb_pb.js';
import type { TestResultPredicate } from '../../results/predicate.ts';
import { testResultsPage } from '../../results/test-results.ts';
import type { CallContext } from '../shared/call-context.ts';
import { inField } from '../shared/field.ts';
import { mapInSlices } from '../shared/map-in-slices.ts';
import { PageTokens, pageSize, RESULT_PAGES } from '../shared/page.ts';
import { toResultPredicate } from '../shared/predicate.ts';
import { toTestResultMessage } from '../shared/result-message.ts';
import type { ResultDbParts } from './parts.ts';
import { requireScope } from './query-scope.ts';
import { maskResult, nextPageToken, omittedBy, pageStart, resultMask } from './result-pages.ts';

/** Returns a page of the results in all invocations that the named ones reach, however many. */
export async function queryTestResults(
  parts: ResultDbParts,
  request: QueryTestResultsRequest,
  context: CallContext,
): Promise<QueryTestResultsResponse> {
  const roots = await requireScope(parts, context, {
    permission: 'resultdb.testResults.list',
    request,
  });
  const predicate = predicateOf(request);
  const mask = resultMask(request.readMask);
  const omitted = omittedBy(mask);
  const tokens = PageTokens.of(QueryTestResultsRequestSchema, request);
  const after = pageStart(tokens);
  const limit = pageSize(request.pageSize, RESULT_PAGES);
  const set = await parts.reachableSets.read(roots, predicate, context.signal);
  const { signal } = context;
  const wanted = { ...set, predicate, omitted, after, limit, signal };
  const page = await testResultsPage(parts.db, wanted);
  return create(QueryTestResultsResponseSchema, {
    testResults: await mapInSlices(page.items, signal, (result) =>
      maskResult(toTestResultMessage(result), mask),
    ),
    nextPageToken: nextPageToken(tokens, page),
  });
}

function predicateOf({ predicate }: QueryTestResultsRequest): TestResultPredicate {
  return predicate === undefined ? {} : inField('predicate', () => toResultPredicate(predicate));
}
