import { create } from '@bufbuild/protobuf';
import {
  type QueryTestResultStatisticsRequest,
  type QueryTestResultStatisticsResponse,
  QueryTestResultStatisticsResponseSchema,
} from '../../gen/luci/resultdb/v1/resultdb_pb.js';
import { countInBatches } from '../../results/count-results.ts';
import type { CallContext } from '../shared/call-context.ts';
import type { ResultDbParts } from './parts.ts';
import { requireScope } from './query-scope.ts';

/** Counts the results in all invocations that the named ones reach, each invocation once. */
export async function queryTestResultStatistics(
  parts: ResultDbParts,
  request: QueryTestResultStatisticsRequest,
  context: CallContext,
): Promise<QueryTestResultStatisticsResponse> {
  const roots = await requireScope(parts, context, {
    permission: 'resultdb.testResults.list',
    request,
  });
  const { rowIds } = await parts.reachableSets.read(roots, {}, context.signal);
  let results = 0;
  for await (const count of countInBatches(parts.db, rowIds, context)) results += count.results;
  return create(QueryTestResultStatisticsResponseSchema, { totalTestResults: BigInt(results) });
}
