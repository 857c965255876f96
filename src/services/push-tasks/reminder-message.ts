/** Converts reminders of pushed tasks to the messages of the API. */
import { create } from '@bufbuild/protobuf';
import type { EpochMs } from '@postlude/queue/foundations';
import { type DeadReminder, isFresh, type Reminder } from '@postlude/queue/tq';
import {
  type DeadReminder as DeadReminderMessage,
  DeadReminderSchema,
  type Reminder as ReminderMessage,
  ReminderSchema,
} from '../../gen/postlude/v1/push_tasks_pb.js';
import { toTimestamp } from '../shared/timestamp.ts';

export function toReminderMessage(
  reminder: Omit<Reminder, 'payload'>,
  now: EpochMs,
): ReminderMessage {
  return create(ReminderSchema, {
    id: reminder.id,
    classId: reminder.classId,
    createTime: toTimestamp(reminder.createTime),
    freshUntil: toTimestamp(reminder.freshUntil),
    stale: !isFresh(reminder, now),
  });
}

export function toDeadReminderMessage(
  reminder: Omit<DeadReminder, 'payload'>,
): DeadReminderMessage {
  return create(DeadReminderSchema, {
    id: reminder.id,
    classId: reminder.classId,
    createTime: toTimestamp(reminder.createTime),
    deadTime: toTimestamp(reminder.deadTime),
    reason: reminder.reason,
  });
}
