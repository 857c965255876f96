/** The services on their parts, and the parts on the database: what an RPC can reach. */
import type { ConnectRouter } from '@connectrpc/connect';
import { Recorder } from '../gen/luci/resultdb/v1/recorder_pb.js';
import { ResultDB } from '../gen/luci/resultdb/v1/resultdb_pb.js';
import { Exports } from '../gen/postlude/v1/exports_pb.js';
import { Invocations } from '../gen/postlude/v1/invocations_pb.js';
import { PushTasks } from '../gen/postlude/v1/push_tasks_pb.js';
import { Tasks } from '../gen/postlude/v1/tasks_pb.js';
import { listExports } from '../query/list-exports.ts';
import type { QueryParts } from '../query/parts.ts';
import {
  createInvocationsReading,
  createPushTasksService,
  createResultDb,
  createTasksService,
} from '../query/service.ts';
import { exportInvocation } from '../recorder/export-invocation.ts';
import type { RecorderParts } from '../recorder/parts.ts';
import { createInvocationsWriting, createRecorder } from '../recorder/service.ts';
import type { ServiceMethods } from '../rpc/service-methods.ts';
import { connectService } from './rpc-service.ts';

export type ServiceParts = RecorderParts & QueryParts;

/** Registers all services; `draining` aborts when streams shall end. */
export function registerServices(
  router: ConnectRouter,
  parts: ServiceParts,
  draining: AbortSignal,
): void {
  router.service(Recorder, connectService(Recorder, createRecorder(parts), draining));
  router.service(ResultDB, connectService(ResultDB, createResultDb(parts), draining));
  router.service(Invocations, connectService(Invocations, createInvocations(parts), draining));
  router.service(Exports, connectService(Exports, createExports(parts), draining));
  router.service(Tasks, connectService(Tasks, createTasksService(parts), draining));
  router.service(PushTasks, connectService(PushTasks, createPushTasksService(parts), draining));
}

/** Its reading half belongs to query, its writing half to the recorder; so it is with exports. */
function createInvocations(parts: ServiceParts): ServiceMethods<typeof Invocations> {
  return { ...createInvocationsReading(parts), ...createInvocationsWriting(parts) };
}

function createExports(parts: ServiceParts): ServiceMethods<typeof Exports> {
  return {
    listExports: (request, context) => listExports(parts, request, context),
    exportInvocation: (request, context) => exportInvocation(parts, request, context),
  };
}
