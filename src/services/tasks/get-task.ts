import { create } from '@bufbuild/protobuf';
import { CodedError } from '@postlude/queue/foundations';
import {
  type GetTaskRequest,
  type GetTaskResponse,
  GetTaskResponseSchema,
} from '../../gen/postlude/v1/tasks_pb.js';
import type { CallContext } from '../shared/call-context.ts';
import { inField } from '../shared/field.ts';
import { requirePermission, TASKS_REALM } from '../shared/permissions.ts';
import type { TasksParts } from './parts.ts';
import { checkTaskName, toDeadTaskMessage, toTaskMessage } from './task-message.ts';

/** If a name was reused, it may name a live and a dead task; the live one is returned. */
export async function getTask(
  { authorizer, db, inspector }: TasksParts,
  request: GetTaskRequest,
  { caller, signal }: CallContext,
): Promise<GetTaskResponse> {
  await requirePermission(authorizer, caller, {
    permission: 'postlude.tasks.list',
    realm: TASKS_REALM,
  });
  const name = inField('name', () => checkTaskName(request.name));
  const { task, dead } = await db.read(
    async (tx) => {
      const living = await inspector.find(name, tx);
      return { task: living, dead: living ? undefined : await inspector.findDead(name, tx) };
    },
    { signal },
  );
  if (task) {
    return create(GetTaskResponseSchema, { found: { case: 'task', value: toTaskMessage(task) } });
  }
  if (dead) {
    const value = toDeadTaskMessage(dead);
    return create(GetTaskResponseSchema, { found: { case: 'dead', value } });
  }
  const { type, id } = name;
  throw new CodedError('not-found', `no task ${type} ${id}: it is done, or never was`);
}
