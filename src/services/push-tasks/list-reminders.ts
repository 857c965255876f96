import { create } from '@bufbuild/protobuf';
import { listReminders as readPage } from '@postlude/queue/tq';
import {
  type ListRemindersRequest,
  ListRemindersRequestSchema,
  type ListRemindersResponse,
  ListRemindersResponseSchema,
  ReminderSchema,
} from '../../gen/postlude/v1/push_tasks_pb.js';
import type { CallContext } from '../shared/call-context.ts';
import { cutPage, PageTokens, pageSize, TASK_PAGES } from '../shared/page.ts';
import { requirePermission, TASKS_REALM } from '../shared/permissions.ts';
import type { PushTasksParts } from './parts.ts';
import { toReminderMessage } from './reminder-message.ts';

export async function listReminders(
  { authorizer, clock, db }: PushTasksParts,
  request: ListRemindersRequest,
  { caller, signal }: CallContext,
): Promise<ListRemindersResponse> {
  await requirePermission(authorizer, caller, {
    permission: 'postlude.tasks.list',
    realm: TASKS_REALM,
  });
  const tokens = PageTokens.of(ListRemindersRequestSchema, request);
  const [after] = tokens.position(1) ?? [];
  const limit = pageSize(request.pageSize, TASK_PAGES);
  const page = await db.read((tx) => readPage(tx, { after, limit }), { signal });
  const now = clock.now();
  const { messages, last } = cutPage(page, {
    limit,
    schema: ReminderSchema,
    toMessage: (reminder) => toReminderMessage(reminder, now),
  });
  return create(ListRemindersResponseSchema, {
    reminders: messages,
    nextPageToken: last ? tokens.next([last.id]) : '',
  });
}
