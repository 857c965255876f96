/** The services that read: luci.resultdb.v1.ResultDB and postlude.v1. */
import type { ResultDB } from '../gen/luci/resultdb/v1/resultdb_pb.js';
import type { Invocations } from '../gen/postlude/v1/invocations_pb.js';
import type { PushTasks } from '../gen/postlude/v1/push_tasks_pb.js';
import type { Tasks } from '../gen/postlude/v1/tasks_pb.js';
import type { ServiceMethods } from '../rpc/service-methods.ts';
import { countTestResults } from './count-test-results.ts';
import { explainInvocation } from './explain-invocation.ts';
import { getInvocation } from './get-invocation.ts';
import { getTask } from './get-task.ts';
import { getTestExoneration } from './get-test-exoneration.ts';
import { getTestResult } from './get-test-result.ts';
import { listDeadReminders } from './list-dead-reminders.ts';
import { listDeadTasks } from './list-dead-tasks.ts';
import { listInvocations } from './list-invocations.ts';
import { listReminders } from './list-reminders.ts';
import { listTasks } from './list-tasks.ts';
import { listTestExonerations } from './list-test-exonerations.ts';
import { listTestResults } from './list-test-results.ts';
import type { QueryParts } from './parts.ts';
import { queryTestExonerations } from './query-test-exonerations.ts';
import { queryTestResults } from './query-test-results.ts';
import { redriveReminders } from './redrive-reminders.ts';
import { redriveTasks } from './redrive-tasks.ts';
import { sweepReminders } from './sweep-reminders.ts';
import { watchInvocation } from './watch-invocation.ts';

export function createResultDb(parts: QueryParts): ServiceMethods<typeof ResultDB> {
  return {
    getInvocation: (request, context) => getInvocation(parts, request, context),
    getTestResult: (request, context) => getTestResult(parts, request, context),
    listTestResults: (request, context) => listTestResults(parts, request, context),
    getTestExoneration: (request, context) => getTestExoneration(parts, request, context),
    listTestExonerations: (request, context) => listTestExonerations(parts, request, context),
    queryTestResults: (request, context) => queryTestResults(parts, request, context),
    queryTestExonerations: (request, context) => queryTestExonerations(parts, request, context),
  };
}

export function createInvocationsReading(
  parts: QueryParts,
): Pick<
  ServiceMethods<typeof Invocations>,
  'countTestResults' | 'explainInvocation' | 'listInvocations' | 'watchInvocation'
> {
  return {
    countTestResults: (request, context) => countTestResults(parts, request, context),
    explainInvocation: (request, context) => explainInvocation(parts, request, context),
    listInvocations: (request, context) => listInvocations(parts, request, context),
    watchInvocation: (request, context) => watchInvocation(parts, request, context),
  };
}

export function createTasksService(parts: QueryParts): ServiceMethods<typeof Tasks> {
  return {
    listTasks: (request, context) => listTasks(parts, request, context),
    getTask: (request, context) => getTask(parts, request, context),
    listDeadTasks: (request, context) => listDeadTasks(parts, request, context),
    redriveTasks: (request, context) => redriveTasks(parts, request, context),
  };
}

export function createPushTasksService(parts: QueryParts): ServiceMethods<typeof PushTasks> {
  return {
    listReminders: (request, context) => listReminders(parts, request, context),
    listDeadReminders: (request, context) => listDeadReminders(parts, request, context),
    redriveReminders: (request, context) => redriveReminders(parts, request, context),
    sweepReminders: (request, context) => sweepReminders(parts, request, context),
  };
}
