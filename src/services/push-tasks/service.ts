/** postlude.v1.PushTasks: shows operators the reminders of pushed tasks; sweeps and redrives them. */
import type { PushTasks } from '../../gen/postlude/v1/push_tasks_pb.js';
import type { ServiceMethods } from '../shared/service-methods.ts';
import { listDeadReminders } from './list-dead-reminders.ts';
import { listReminders } from './list-reminders.ts';
import type { PushTasksParts } from './parts.ts';
import { redriveReminders } from './redrive-reminders.ts';
import { sweepReminders } from './sweep-reminders.ts';

export function createPushTasks(parts: PushTasksParts): ServiceMethods<typeof PushTasks> {
  return {
    listReminders: (request, context) => listReminders(parts, request, context),
    listDeadReminders: (request, context) => listDeadReminders(parts, request, context),
    redriveReminders: (request, context) => redriveReminders(parts, request, context),
    sweepReminders: (request, context) => sweepReminders(parts, request, context),
  };
}
