import { create } from '@bufbuild/protobuf';
import { listDeadReminders as readPage } from '@postlude/queue/tq';
import {
  DeadReminderSchema,
  type ListDeadRemindersRequest,
  ListDeadRemindersRequestSchema,
  type ListDeadRemindersResponse,
  ListDeadRemindersResponseSchema,
} from '../../gen/postlude/v1/push_tasks_pb.js';
import type { CallContext } from '../shared/call-context.ts';
import { cutPage, PageTokens, pageSize, TASK_PAGES } from '../shared/page.ts';
import { requirePermission, TASKS_REALM } from '../shared/permissions.ts';
import type { PushTasksParts } from './parts.ts';
import { toDeadReminderMessage } from './reminder-message.ts';

export async function listDeadReminders(
  { authorizer, db }: PushTasksParts,
  request: ListDeadRemindersRequest,
  { caller, signal }: CallContext,
): Promise<ListDeadRemindersResponse> {
  await requirePermission(authorizer, caller, {
    permission: 'postlude.tasks.list',
    realm: TASKS_REALM,
  });
  const tokens = PageTokens.of(ListDeadRemindersRequestSchema, request);
  const [after] = tokens.position(1) ?? [];
  const limit = pageSize(request.pageSize, TASK_PAGES);
  const page = await db.read((tx) => readPage(tx, { after, limit }), { signal });
  const { messages, last } = cutPage(page, {
    limit,
    schema: DeadReminderSchema,
    toMessage: toDeadReminderMessage,
  });
  return create(ListDeadRemindersResponseSchema, {
    reminders: messages,
    nextPageToken: last ? tokens.next([last.id]) : '',
  });
}
