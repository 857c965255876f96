import { create } from '@bufbuild/protobuf';
import type { TaskState } from '@postlude/queue';
import {
  type ListTasksRequest,
  ListTasksRequestSchema,
  type ListTasksResponse,
  ListTasksResponseSchema,
  Task_State,
  TaskSchema,
} from '../../gen/postlude/v1/tasks_pb.js';
import type { CallContext } from '../shared/call-context.ts';
import { inField, invalid } from '../shared/field.ts';
import { cutPage, PageTokens, pageSize, TASK_PAGES } from '../shared/page.ts';
import { requirePermission, TASKS_REALM } from '../shared/permissions.ts';
import type { TasksParts } from './parts.ts';
import { checkType, toTaskMessage } from './task-message.ts';

const STATES: Readonly<Record<number, TaskState>> = {
  [Task_State.SCHEDULED]: 'scheduled',
  [Task_State.DUE]: 'due',
  [Task_State.LEASED]: 'leased',
};

export async function listTasks(
  parts: TasksParts,
  request: ListTasksRequest,
  { caller, signal }: CallContext,
): Promise<ListTasksResponse> {
  await requirePermission(parts.authorizer, caller, {
    permission: 'postlude.tasks.list',
    realm: TASKS_REALM,
  });
  const type = checkType(request.type);
  const state = inField('state', () => stateOf(request.state));
  const tokens = PageTokens.of(ListTasksRequestSchema, request);
  const after = pageStart(tokens);
  const limit = pageSize(request.pageSize, TASK_PAGES);
  const listing = { type, state, after, limit };
  const tasks = await parts.db.read((tx) => parts.inspector.list(listing, tx), { signal });
  const page = { limit, schema: TaskSchema, toMessage: toTaskMessage };
  const { messages, last } = cutPage(tasks, page);
  return create(ListTasksResponseSchema, {
    tasks: messages,
    nextPageToken: last ? tokens.next([last.type, String(last.processAfter), last.id]) : '',
  });
}

function stateOf(number: Task_State): TaskState | undefined {
  if (number === Task_State.UNSPECIFIED) return undefined;
  const state = STATES[number];
  if (state === undefined) throw invalid(`unknown value ${number}`);
  return state;
}

function pageStart(tokens: PageTokens) {
  const [type, processAfter, id] = tokens.position(3) ?? [];
  if (type === undefined || processAfter === undefined || id === undefined) return undefined;
  return { type, processAfter: Number(processAfter), id };
}
