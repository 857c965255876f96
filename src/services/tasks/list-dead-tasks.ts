import { create } from '@bufbuild/protobuf';
import {
  DeadTaskSchema,
  type ListDeadTasksRequest,
  ListDeadTasksRequestSchema,
  type ListDeadTasksResponse,
  ListDeadTasksResponseSchema,
} from '../../gen/postlude/v1/tasks_pb.js';
import type { CallContext } from '../shared/call-context.ts';
import { cutPage, PageTokens, pageSize, TASK_PAGES } from '../shared/page.ts';
import { requirePermission, TASKS_REALM } from '../shared/permissions.ts';
import type { TasksParts } from './parts.ts';
import { checkType, toDeadTaskMessage } from './task-message.ts';

export async function listDeadTasks(
  parts: TasksParts,
  request: ListDeadTasksRequest,
  { caller, signal }: CallContext,
): Promise<ListDeadTasksResponse> {
  await requirePermission(parts.authorizer, caller, {
    permission: 'postlude.tasks.list',
    realm: TASKS_REALM,
  });
  const type = checkType(request.type);
  const tokens = PageTokens.of(ListDeadTasksRequestSchema, request);
  const after = pageStart(tokens);
  const limit = pageSize(request.pageSize, TASK_PAGES);
  const listing = { type, after, limit };
  const tasks = await parts.db.read((tx) => parts.inspector.listDead(listing, tx), { signal });
  const page = { limit, schema: DeadTaskSchema, toMessage: toDeadTaskMessage };
  const { messages, last } = cutPage(tasks, page);
  return create(ListDeadTasksResponseSchema, {
    tasks: messages,
    nextPageToken: last ? tokens.next([last.type, last.id]) : '',
  });
}

function pageStart(tokens: PageTokens) {
  const [type, id] = tokens.position(2) ?? [];
  return type === undefined || id === undefined ? undefined : { type, id };
}
