import { create } from '@bufbuild/protobuf';
import {
  type GetLimitsRequest,
  type GetLimitsResponse,
  GetLimitsResponseSchema,
} from '../../gen/postlude/v1/limits_pb.js';
import type { CallContext } from '../shared/call-context.ts';
import { inField, invalid } from '../shared/field.ts';
import { requirePermission, TASKS_REALM } from '../shared/permissions.ts';
import type { CallerState, LimitsParts } from './parts.ts';

const DEFAULT_CALLERS = 100;
const MAX_CALLERS = 1000;

export async function getLimits(
  { authorizer, readState }: LimitsParts,
  request: GetLimitsRequest,
  { caller }: CallContext,
): Promise<GetLimitsResponse> {
  await requirePermission(authorizer, caller, {
    permission: 'postlude.limits.get',
    realm: TASKS_REALM,
  });
  const count = inField('max_callers', () => checkCount(request.maxCallers));
  const { callers, classes, load } = readState();
  return create(GetLimitsResponseSchema, {
    classes: classes.map((each) => ({ ...each })),
    callers: callers.slice(0, count).map(toMessage),
    load,
  });
}

function checkCount(count: number): number {
  if (count < 0) throw invalid(`must not be negative: ${count}`);
  return count === 0 ? DEFAULT_CALLERS : Math.min(count, MAX_CALLERS);
}

function toMessage(state: CallerState) {
  const { bytes, maxBytes, refused, resultsToday } = state;
  return {
    ...state,
    bytes: BigInt(bytes),
    maxBytes: BigInt(maxBytes),
    refused: BigInt(refused),
    resultsToday: BigInt(resultsToday),
    maxResultsPerDay: BigInt(state.maxResultsPerDay ?? 0),
    maxRequestsPerSecond: state.maxRequestsPerSecond ?? 0,
  };
}
