import { create } from '@bufbuild/protobuf';
import { checkTypeName, type DeadTaskSelection } from '@postlude/queue';
import {
  type RedriveTasksRequest,
  type RedriveTasksResponse,
  RedriveTasksResponseSchema,
} from '../../gen/postlude/v1/tasks_pb.js';
import type { CallContext } from '../shared/call-context.ts';
import { inField, invalid } from '../shared/field.ts';
import { requirePermission, TASKS_REALM } from '../shared/permissions.ts';
import type { TasksParts } from './parts.ts';
import { checkTaskName } from './task-message.ts';

export async function redriveTasks(
  parts: TasksParts,
  request: RedriveTasksRequest,
  { caller }: CallContext,
): Promise<RedriveTasksResponse> {
  await requirePermission(parts.authorizer, caller, {
    permission: 'postlude.tasks.redrive',
    realm: TASKS_REALM,
  });
  const redriven = await parts.queue.redrive(selectionOf(request));
  return create(RedriveTasksResponseSchema, { redriven: BigInt(redriven) });
}

/** A request without a target is refused, so that an omission never redrives everything. */
function selectionOf({ target }: RedriveTasksRequest): DeadTaskSelection {
  switch (target.case) {
    case 'task':
      return inField('task', () => checkTaskName(target.value));
    case 'type':
      return { type: inField('type', () => checkTypeName(target.value)) };
    case 'all':
      if (!target.value) throw invalid('all: must be true');
      return {};
    default:
      throw invalid('needs a task, a type, or all');
  }
}
