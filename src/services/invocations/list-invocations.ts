import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { EpochMs } from '@postlude/queue/foundations';
import { Invocation_State } from '../../gen/luci/resultdb/v1/invocation_pb.js';
import {
  EndCause,
  type ListedInvocationSchema,
  type ListInvocationsRequest,
  ListInvocationsRequestSchema,
  type ListInvocationsResponse,
  ListInvocationsResponseSchema,
} from '../../gen/postlude/v1/invocations_pb.js';
import { invocationName, parseInvocationId } from '../../invocations/id.ts';
import { activeUntil } from '../../invocations/invocation.ts';
import {
  type ListedInvocation,
  type ListPosition,
  listRealm,
} from '../../invocations/realm-list.ts';
import type { InvocationState } from '../../invocations/state.ts';
import type { CallContext } from '../shared/call-context.ts';
import { checkTags } from '../shared/check-pairs.ts';
import { inField, invalid, requireMatch } from '../shared/field.ts';
import { toStateMessage } from '../shared/invocation-message.ts';
import { PageTokens, pageSize, TASK_PAGES } from '../shared/page.ts';
import { requirePermission } from '../shared/permissions.ts';
import { fromTimestamp, toTimestamp } from '../shared/timestamp.ts';
import type { ReadingParts } from './parts.ts';

const REALM = /^[^:]+:[^:]+$/;

/** Lists one realm. The caller can read all of it, so no invocation has to be left out of a page. */
export async function listInvocations(
  parts: ReadingParts,
  request: ListInvocationsRequest,
  { caller, signal }: CallContext,
): Promise<ListInvocationsResponse> {
  const realm = inField('realm', () => requireMatch(request.realm, REALM));
  await requirePermission(parts.authorizer, caller, {
    permission: 'resultdb.invocations.get',
    realm,
  });
  const now = parts.clock.now();
  const tokens = PageTokens.of(ListInvocationsRequestSchema, request);
  const listing = {
    realm,
    state: inField('state', () => stateOf(request)),
    overdueAt: request.overdue ? now : undefined,
    tags: checkTags('tags', request.tags),
    createdFrom: timeOf('created_from', request.createdFrom),
    createdUntil: timeOf('created_until', request.createdUntil),
    after: pageStart(tokens),
    limit: pageSize(request.pageSize, TASK_PAGES),
  };
  const page = await parts.db.read((reader) => listRealm(reader, listing), { signal });
  return create(ListInvocationsResponseSchema, {
    invocations: page.invocations.map((invocation) => toListed(invocation, now)),
    nextPageToken: page.next ? tokens.next([String(page.next.time), page.next.id]) : '',
  });
}

const STATES: Readonly<Record<number, InvocationState>> = {
  [Invocation_State.ACTIVE]: 'ACTIVE',
  [Invocation_State.FINALIZING]: 'FINALIZING',
  [Invocation_State.FINALIZED]: 'FINALIZED',
};

function stateOf({ overdue, state: number }: ListInvocationsRequest): InvocationState | undefined {
  if (number === Invocation_State.STATE_UNSPECIFIED) return undefined;
  const state = STATES[number];
  if (state === undefined) throw invalid(`unknown value ${number}`);
  if (overdue && state !== 'ACTIVE') throw invalid('what is overdue is ACTIVE');
  return state;
}

function timeOf(field: string, time: ListInvocationsRequest['createdFrom']): EpochMs | undefined {
  return time && inField(field, () => fromTimestamp(time));
}

function pageStart(tokens: PageTokens): ListPosition | undefined {
  const [time, id] = tokens.position(2) ?? [];
  if (time === undefined || id === undefined) return undefined;
  return inField('page_token', () => ({ time: Number(time), id: parseInvocationId(id) }));
}

function toListed(
  invocation: ListedInvocation,
  now: EpochMs,
): MessageInitShape<typeof ListedInvocationSchema> {
  const { createTime, endedBy, finalizeTime, state } = invocation;
  const until = activeUntil(invocation);
  return {
    name: invocationName(invocation.id),
    state: toStateMessage(state),
    realm: invocation.realm,
    createdBy: invocation.createdBy ?? '',
    createTime: toTimestamp(createTime),
    ...(finalizeTime === undefined ? {} : { finalizeTime: toTimestamp(finalizeTime) }),
    activeUntil: toTimestamp(until),
    isOverdue: state === 'ACTIVE' && until <= now,
    isExpected: invocation.isExpected,
    endCause: endedBy === undefined ? EndCause.UNSPECIFIED : EndCause[endedBy],
    endReason: invocation.endReason ?? '',
    attempt: invocation.attempt,
    lastAttempt: invocation.lastAttempt,
    tags: invocation.tags.map(({ key, value }) => ({ key, value })),
  };
}
