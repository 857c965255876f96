/** Registers each RPC service with its collaborators. */
import type { ConnectRouter } from '@connectrpc/connect';
import { Recorder } from '../gen/luci/resultdb/v1/recorder_pb.js';
import { ResultDB } from '../gen/luci/resultdb/v1/resultdb_pb.js';
import { Exports } from '../gen/postlude/v1/exports_pb.js';
import { Invocations } from '../gen/postlude/v1/invocations_pb.js';
import { Limits } from '../gen/postlude/v1/limits_pb.js';
import { PushTasks } from '../gen/postlude/v1/push_tasks_pb.js';
import { Tasks } from '../gen/postlude/v1/tasks_pb.js';
import type { ExportsParts } from '../services/exports/parts.ts';
import { createExports } from '../services/exports/service.ts';
import type { InvocationsParts } from '../services/invocations/parts.ts';
import { createInvocations } from '../services/invocations/service.ts';
import type { LimitsParts } from '../services/limits/parts.ts';
import { createLimits } from '../services/limits/service.ts';
import type { PushTasksParts } from '../services/push-tasks/parts.ts';
import { createPushTasks } from '../services/push-tasks/service.ts';
import type { RecorderParts } from '../services/recorder/parts.ts';
import { createRecorder } from '../services/recorder/service.ts';
import type { ResultDbParts } from '../services/resultdb/parts.ts';
import { createResultDb } from '../services/resultdb/service.ts';
import type { TasksParts } from '../services/tasks/parts.ts';
import { createTasks } from '../services/tasks/service.ts';
import { connectService } from './http/rpc-service.ts';

export interface ServiceParts {
  readonly recorder: RecorderParts;
  readonly resultDb: ResultDbParts;
  readonly invocations: InvocationsParts;
  readonly exports: ExportsParts;
  readonly tasks: TasksParts;
  readonly pushTasks: PushTasksParts;
  readonly limits: LimitsParts;
}

/** Registers all services. `draining` aborts when streams have to end. */
export function registerServices(
  router: ConnectRouter,
  parts: ServiceParts,
  draining: AbortSignal,
): void {
  router.service(Recorder, connectService(Recorder, createRecorder(parts.recorder), draining));
  router.service(ResultDB, connectService(ResultDB, createResultDb(parts.resultDb), draining));
  router.service(
    Invocations,
    connectService(Invocations, createInvocations(parts.invocations), draining),
  );
  router.service(Exports, connectService(Exports, createExports(parts.exports), draining));
  router.service(Tasks, connectService(Tasks, createTasks(parts.tasks), draining));
  router.service(PushTasks, connectService(PushTasks, createPushTasks(parts.pushTasks), draining));
  router.service(Limits, connectService(Limits, createLimits(parts.limits), draining));
}
