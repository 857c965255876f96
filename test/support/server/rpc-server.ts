/** A server of RPCs whose methods do what a test says. */
import type { ConnectRouter } from '@connectrpc/connect';
import { InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import { systemClock } from '@postlude/queue/foundations';
import { onTestFinished } from 'vitest';
import { Invocations } from '../../../src/gen/postlude/v1/invocations_pb.js';
import { Tasks } from '../../../src/gen/postlude/v1/tasks_pb.js';
import type { Admission } from '../../../src/server/admission/admission.ts';
import { addressRange } from '../../../src/server/config/setting-values.ts';
import { type Authenticate, everybodyAnonymous } from '../../../src/server/http/auth.ts';
import { callObservation } from '../../../src/server/http/call-observation.ts';
import { ClientAddresses } from '../../../src/server/http/client-address.ts';
import { OnePort } from '../../../src/server/http/one-port.ts';
import { routes } from '../../../src/server/http/routes.ts';
import { rpcRoutes } from '../../../src/server/http/rpc-routes.ts';
import { connectService } from '../../../src/server/http/rpc-service.ts';
import { CrossOrigin } from '../../../src/server/prpc/cross-origin.ts';
import { jsonLog } from '../../../src/server/telemetry/json-log.ts';
import { openMeters } from '../../../src/server/telemetry/meters.ts';
import { openTracing } from '../../../src/server/telemetry/tracing.ts';
import type { CallContext } from '../../../src/services/shared/call-context.ts';
import { Signal } from '../signal.ts';
import { openTestAdmission } from './test-admission.ts';

export const LIST_TASKS = '/postlude.v1.Tasks/ListTasks';

/** What the methods of the served services do. */
export interface Behaviour {
  readonly listTasks?: (context: CallContext) => void | Promise<void>;
  readonly watch?: (context: CallContext) => AsyncIterable<void>;
}

export interface RpcServerOptions {
  readonly authenticate?: Authenticate;
  readonly isAnonymousGranted?: boolean;
  readonly maxRequestBytes?: number;
  readonly trustedProxies?: readonly string[];
  readonly admission?: Admission;
  readonly prpcOrigins?: readonly string[];
}

/** Serves two services on a port of this machine, with a log and spans that tests can read. */
export async function serveRpcs(behaviour: Behaviour = {}, options: RpcServerOptions = {}) {
  const lines: Record<string, unknown>[] = [];
  const logged = new Signal<Record<string, unknown>>();
  const write = (line: string): void => {
    lines.push(JSON.parse(line));
    logged.emit(JSON.parse(line));
  };
  const log = jsonLog('debug', { write });
  const { metrics, render } = openMeters({ log });
  const spans = new InMemorySpanExporter();
  const tracing = openTracing({ serviceVersion: '0', to: new SimpleSpanProcessor(spans) });
  const draining = new AbortController();
  const addresses = new ClientAddresses((options.trustedProxies ?? []).map(addressRange));
  const crossOrigin = new CrossOrigin(options.prpcOrigins ?? []);
  const rpcs = rpcRoutes({
    crossOrigin,
    services: (router) => register(router, behaviour, draining.signal),
    authenticate: options.authenticate ?? everybodyAnonymous,
    updateTokens: { invocationOf: () => undefined, realmOf: () => undefined },
    isAnonymousGranted: options.isAnonymousGranted ?? true,
    addresses,
    admission: options.admission ?? openTestAdmission().admission,
    maxRequestBytes: options.maxRequestBytes ?? 1024 ** 2,
    draining: draining.signal,
    observe: callObservation({ log, metrics }),
    tracing,
  });
  const health = { notReadyBecause: async () => undefined };
  const fixed = {
    pushes: undefined,
    artifacts: () => false,
    renderMetrics: render,
    onlyLoopbackHosts: true,
  };
  const handle = routes({ rpcs, health, log, crossOrigin, clock: systemClock, ...fixed });
  const port = new OnePort({
    handle,
    maxConnections: 100,
    requestTimeoutMs: 60_000,
    clock: systemClock,
    log,
    metrics,
  });
  const address = await port.listen({ host: '127.0.0.1', port: 0 });
  onTestFinished(() => closeAtOnce(port));
  const url = `http://127.0.0.1:${address.port}`;
  return { url, lines, logged, spans, draining, render, ...address };
}

async function closeAtOnce(port: OnePort): Promise<void> {
  const closed = port.close();
  port.destroy();
  await closed;
}

function register(router: ConnectRouter, behaviour: Behaviour, draining: AbortSignal): void {
  const tasks = {
    listTasks: async (request: { type: string }, context: CallContext) => {
      await behaviour.listTasks?.(context);
      return { nextPageToken: `${context.caller} asked for ${request.type}` };
    },
  };
  const invocations = {
    watchInvocation: async function* (_request: unknown, context: CallContext) {
      for await (const _ of behaviour.watch?.(context) ?? []) yield {};
    },
  };
  router.service(Tasks, connectService(Tasks, tasks as never, draining));
  router.service(Invocations, connectService(Invocations, invocations as never, draining));
}
