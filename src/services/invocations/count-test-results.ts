import { create } from '@bufbuild/protobuf';
import {
  type CountTestResultsRequest,
  type CountTestResultsResponse,
  CountTestResultsResponseSchema,
} from '../../gen/postlude/v1/invocations_pb.js';
import { parseInvocationName } from '../../invocations/id.ts';
import { countInBatches } from '../../results/count-results.ts';
import { STATUS_NUMBERS } from '../../results/test-status.ts';
import type { CallContext } from '../shared/call-context.ts';
import { inField } from '../shared/field.ts';
import { requireInRealms } from '../shared/readable.ts';
import type { ReadingParts } from './parts.ts';

export async function countTestResults(
  parts: ReadingParts,
  request: CountTestResultsRequest,
  context: CallContext,
): Promise<CountTestResultsResponse> {
  const { signal } = context;
  const id = inField('name', () => parseInvocationName(request.name));
  const roots = await requireInRealms(parts, context, {
    permission: 'resultdb.testResults.list',
    ids: [id],
  });
  const { rowIds } = await parts.reachableSets.read(roots, {}, signal);
  const counts = new Map<number, { expected: number; unexpected: number }>();
  for await (const found of countInBatches(parts.db, rowIds, context)) {
    const status = STATUS_NUMBERS[found.status];
    const count = counts.get(status) ?? { expected: 0, unexpected: 0 };
    count[found.expected ? 'expected' : 'unexpected'] += found.results;
    counts.set(status, count);
  }
  return create(CountTestResultsResponseSchema, {
    counts: [...counts]
      .sort(([a], [b]) => a - b)
      .map(([status, { expected, unexpected }]) => ({
        status,
        expected: BigInt(expected),
        unexpected: BigInt(unexpected),
      })),
  });
}
