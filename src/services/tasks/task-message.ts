/** Converts tasks to the messages of the API. */
import { create } from '@bufbuild/protobuf';
import {
  checkTaskId,
  checkTypeName,
  type DeadTaskSummary,
  type TaskState,
  type TaskSummary,
} from '@postlude/queue';
import {
  type DeadTask as DeadTaskMessage,
  DeadTaskSchema,
  Task_State,
  type Task as TaskMessage,
  type TaskName,
  TaskSchema,
} from '../../gen/postlude/v1/tasks_pb.js';
import { fromRowId, invocationName } from '../../invocations/id.ts';
import { inField } from '../shared/field.ts';
import { toTimestamp } from '../shared/timestamp.ts';

const ROW_ID_PATTERN = /^[0-9a-f]{8}:/;

const STATES: Readonly<Record<TaskState, Task_State>> = {
  scheduled: Task_State.SCHEDULED,
  due: Task_State.DUE,
  leased: Task_State.LEASED,
};

/** Returns the type that a list is limited to; `undefined` if it is not. */
export function checkType(type: string): string | undefined {
  return type === '' ? undefined : inField('type', () => checkTypeName(type));
}

/** Returns the checked name of one task. */
export function checkTaskName({ type = '', id = '' }: Partial<TaskName> = {}) {
  return {
    type: inField('type', () => checkTypeName(type)),
    id: inField('id', () => checkTaskId(id)),
  };
}

export function toTaskMessage(task: TaskSummary): TaskMessage {
  const { leaseUntil } = task;
  return create(TaskSchema, {
    type: task.type,
    id: task.id,
    invocation: nameOf(task.subject),
    state: STATES[task.state],
    createTime: toTimestamp(task.createTime),
    processAfter: toTimestamp(task.processAfter),
    attempt: task.attempt,
    lastError: task.lastError ?? '',
    ...(leaseUntil === undefined ? {} : { leaseUntil: toTimestamp(leaseUntil) }),
  });
}

export function toDeadTaskMessage(task: DeadTaskSummary): DeadTaskMessage {
  return create(DeadTaskSchema, {
    type: task.type,
    id: task.id,
    invocation: nameOf(task.subject),
    createTime: toTimestamp(task.createTime),
    deadTime: toTimestamp(task.deadTime),
    attempts: task.attempt,
    reason: task.reason,
  });
}

/** A task of a user's own type may have another subject, which is shown unchanged. */
function nameOf(rowId: string | undefined): string {
  if (rowId === undefined) return '';
  return ROW_ID_PATTERN.test(rowId) ? invocationName(fromRowId(rowId)) : rowId;
}
