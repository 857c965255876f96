/** Registers each RPC service with its collaborators. */
import type { DescService } from '@bufbuild/protobuf';
import type { ConnectRouter } from '@connectrpc/connect';
import { Discovery } from '../gen/discovery/service_pb.js';
import { Recorder } from '../gen/luci/resultdb/v1/recorder_pb.js';
import { ResultDB } from '../gen/luci/resultdb/v1/resultdb_pb.js';
import { Schemas } from '../gen/luci/resultdb/v1/schema_pb.js';
import { Exports } from '../gen/postlude/v1/exports_pb.js';
import { Invocations } from '../gen/postlude/v1/invocations_pb.js';
import { Limits } from '../gen/postlude/v1/limits_pb.js';
import { PushTasks } from '../gen/postlude/v1/push_tasks_pb.js';
import { Tasks } from '../gen/postlude/v1/tasks_pb.js';
import { createDiscovery } from '../services/discovery/service.ts';
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
import { createSchemas, type SchemasParts } from '../services/schemas/service.ts';
import type { ServiceMethods } from '../services/shared/service-methods.ts';
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
  readonly schemas: SchemasParts;
  readonly limits: LimitsParts;
}

/** Registers all services. `draining` aborts when streams have to end. */
export function registerServices(
  router: ConnectRouter,
  parts: ServiceParts,
  draining: AbortSignal,
): void {
  const described: DescService[] = [Discovery];
  const register = <S extends DescService>(service: S, methods: ServiceMethods<S>): void => {
    described.push(service);
    router.service(service, connectService(service, methods, draining));
  };
  register(Recorder, createRecorder(parts.recorder));
  register(ResultDB, createResultDb(parts.resultDb));
  register(Invocations, createInvocations(parts.invocations));
  register(Exports, createExports(parts.exports));
  register(Tasks, createTasks(parts.tasks));
  register(PushTasks, createPushTasks(parts.pushTasks));
  register(Schemas, createSchemas(parts.schemas));
  register(Limits, createLimits(parts.limits));
  router.service(Discovery, connectService(Discovery, createDiscovery(described), draining));
}
