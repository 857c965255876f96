import { create } from '@bufbuild/protobuf';
import { redriveReminders as redrive } from '@postlude/queue/tq';
import {
  type RedriveRemindersRequest,
  type RedriveRemindersResponse,
  RedriveRemindersResponseSchema,
} from '../../gen/postlude/v1/push_tasks_pb.js';
import type { CallContext } from '../shared/call-context.ts';
import { invalid } from '../shared/field.ts';
import { requirePermission, TASKS_REALM } from '../shared/permissions.ts';
import type { PushTasksParts } from './parts.ts';

export async function redriveReminders(
  { authorizer, db }: PushTasksParts,
  request: RedriveRemindersRequest,
  { caller }: CallContext,
): Promise<RedriveRemindersResponse> {
  await requirePermission(authorizer, caller, {
    permission: 'postlude.tasks.redrive',
    realm: TASKS_REALM,
  });
  const redriven = await redrive(db, onlyOf(request));
  return create(RedriveRemindersResponseSchema, { redriven: BigInt(redriven) });
}

/** A request without a target is refused, so that an omission never redrives everything. */
function onlyOf({ target }: RedriveRemindersRequest): string | undefined {
  switch (target.case) {
    case 'id':
      if (target.value === '') throw invalid('id: must not be empty');
      return target.value;
    case 'all':
      if (!target.value) throw invalid('all: must be true');
      return undefined;
    default:
      throw invalid('needs an id, or all');
  }
}
