/** postlude.v1.Tasks: shows operators the queue, and redrives dead tasks. */
import type { Tasks } from '../../gen/postlude/v1/tasks_pb.js';
import type { ServiceMethods } from '../shared/service-methods.ts';
import { getTask } from './get-task.ts';
import { listDeadTasks } from './list-dead-tasks.ts';
import { listTasks } from './list-tasks.ts';
import type { TasksParts } from './parts.ts';
import { redriveTasks } from './redrive-tasks.ts';

export function createTasks(parts: TasksParts): ServiceMethods<typeof Tasks> {
  return {
    listTasks: (request, context) => listTasks(parts, request, context),
    getTask: (request, context) => getTask(parts, request, context),
    listDeadTasks: (request, context) => listDeadTasks(parts, request, context),
    redriveTasks: (request, context) => redriveTasks(parts, request, context),
  };
}
