/**
 * Builds a whole server from a Config: database, queue, dispatcher, services, HTTP. This is the only
 * place that knows all parts. Each part receives what it uses, and knows nothing of the others.
 */

import {
  DatabaseWakeUp,
  Dispatcher,
  observeQueue,
  TaskInspector,
  TaskQueue,
  UnknownTypeWatch,
  type WakeUp,
} from '@postlude/queue';
import type { Log } from '@postlude/queue/foundations';
import { type Clock, systemClock } from '@postlude/queue/foundations';
import type { Database } from '@postlude/queue/storage';
import { ServerClock } from '@postlude/queue/storage';
import { observeReminders } from '@postlude/queue/tq';
import type { Contents } from '../artifacts/contents.ts';
import { Enforcement } from '../deadlines/enforcement.ts';
import type { Sink } from '../exporter/sink.ts';
import type { SinkParts } from '../exporter/sinks/sink-kind.ts';
import { exportHandler } from '../exporter/task.ts';
import { finalizeHandler } from '../finalizer/handler.ts';
import type { FinalizerParts } from '../finalizer/parts.ts';
import { rescueStuck } from '../finalizer/rescue.ts';
import { observeState, withSharedGauges } from '../gauges/state-gauges.ts';
import type { InvocationId } from '../invocations/id.ts';
import { InvocationChanges } from '../invocations/invocation-changes.ts';
import { Purging } from '../retention/purging.ts';
import { hasAnyGrant } from '../services/shared/permissions.ts';
import { artifactRoutes } from './artifacts/artifact-routes.ts';
import { Background } from './background.ts';
import type { AuthConfig } from './config/caller-config.ts';
import type { Config } from './config/config.ts';
import type { ListenAddress } from './config/setting-values.ts';
import { ANONYMOUS, type Authenticate, everybodyAnonymous, oidcAuthenticate } from './http/auth.ts';
import { callObservation } from './http/call-observation.ts';
import { ClientAddresses } from './http/client-address.ts';
import { Health, observeHealth } from './http/health.ts';
import { OnePort } from './http/one-port.ts';
import { routes } from './http/routes.ts';
import { rpcRoutes } from './http/rpc-routes.ts';
import { type OpenAdmission, openAdmission } from './open-admission.ts';
import { openContents } from './open-contents.ts';
import { openReadyDatabase } from './open-database.ts';
import { openExports } from './open-exports.ts';
import { CrossOrigin } from './prpc/cross-origin.ts';
import { openPushTasks, type PushTasks } from './push-tasks/push-tasks.ts';
import { openServiceParts } from './service-parts.ts';
import { registerServices } from './services.ts';
import {
  divideGrace,
  releaseAll,
  type ShutdownOutcome,
  type Stoppable,
  shutDown,
} from './shutdown.ts';
import { jsonLog } from './telemetry/json-log.ts';
import { type Meters, openMeters } from './telemetry/meters.ts';
import { observeProcess } from './telemetry/process-metrics.ts';
import { tracedBatchHandler, tracedHandler } from './telemetry/traced-handler.ts';
import { openTracing, type Tracing, type TracingOptions } from './telemetry/tracing.ts';

export interface ServerOptions {
  readonly log?: Log;
  readonly clock?: Clock;
  /** Overrides the configured destination of spans. */
  readonly tracesTo?: TracingOptions['to'];
  readonly version?: string;
  /** An open and migrated database, which stays open. By default, the configured one is opened. */
  readonly database?: Database;
}

export interface Server {
  /** The address with the port that was taken, such as `http://127.0.0.1:8010`. */
  readonly url: string;
  /**
   * Stops as shutdown.ts describes. Idempotent. If it returns `cut`, something left behind may keep the
   * process alive, so the process should exit.
   */
  close(): Promise<ShutdownOutcome>;
}

/** Throws if the database cannot be opened with this version's schema, or if the address is taken. */
export async function startServer(config: Config, options: ServerOptions = {}): Promise<Server> {
  const foundation = await openFoundation(config, options);
  try {
    return await serve(config, foundation);
  } catch (error) {
    await releaseAll(foundation.release, foundation.log);
    throw error;
  }
}

/** The resources that requests and tasks share. */
interface Foundation {
  readonly log: Log;
  readonly machineClock: Clock;
  /** Follows the database's clock. */
  readonly clock: ServerClock;
  readonly db: Database;
  readonly meters: Meters;
  readonly tracing: Tracing;
  readonly wakeUp: WakeUp;
  readonly queue: TaskQueue;
  readonly inspector: TaskInspector;
  readonly changes: InvocationChanges;
  readonly pushTasks: PushTasks;
  readonly sink: Sink;
  readonly contents: Contents;
  readonly admission: OpenAdmission;
  /** In reverse order of creation. */
  readonly release: readonly (() => Promise<void>)[];
  readonly cutDatabase: () => void;
}

async function openFoundation(config: Config, options: ServerOptions): Promise<Foundation> {
  const log = options.log ?? jsonLog(config.logLevel);
  const release: (() => Promise<void>)[] = [];
  try {
    return await layFoundation(config, { ...options, log }, release);
  } catch (error) {
    await releaseAll(release, log);
    throw error;
  }
}

/** Fills `release` in reverse order of creation. */
async function layFoundation(
  config: Config,
  options: ServerOptions & { readonly log: Log },
  release: (() => Promise<void>)[],
): Promise<Foundation> {
  const { log, clock: machineClock = systemClock } = options;
  const db = options.database ?? (await openReadyDatabase(config, { log, clock: machineClock }));
  if (!options.database) release.unshift(() => db.close());
  const clock = new ServerClock(db, machineClock);
  await clock.sync();
  const { tracing, meters } = openTelemetry(config, options);
  release.unshift(() => tracing.close());
  release.unshift(() => meters.close());
  const wakeUp = await DatabaseWakeUp.open(db.notifications, log);
  release.unshift(() => wakeUp.close());
  const changes = await InvocationChanges.open(db.notifications, log);
  release.unshift(() => changes.close());
  const { metrics } = meters;
  const stopObserving = observeProcess(metrics);
  release.unshift(async () => stopObserving());
  const queue = new TaskQueue({ db, clock, wakeUp });
  const onChange = (ids: readonly InvocationId[]) => changes.announce(ids);
  const pushParts = { db, clock, queue, onChange, log, metrics, tracing };
  const pushTasks = await openPushTasks(pushParts, config);
  release.unshift(() => pushTasks.close());
  const places = openPlaces(config, { db, clock, log, metrics }, release);
  const admission = openAdmission(config, { clock: machineClock, log, metrics });
  release.unshift(async () => admission.close());
  return {
    log,
    machineClock,
    clock,
    db,
    meters,
    tracing,
    wakeUp,
    changes,
    queue,
    inspector: new TaskInspector({ db, clock }),
    pushTasks,
    ...places,
    admission,
    release,
    cutDatabase: () => {
      if (!options.database) void db.close({ cut: AbortSignal.abort() });
    },
  };
}

/** What is kept outside of the database. */
function openPlaces(
  config: Config,
  parts: Omit<SinkParts, 'scratch'>,
  release: (() => Promise<void>)[],
): Pick<Foundation, 'contents' | 'sink'> {
  const sink = openExports(config, parts);
  release.unshift(() => sink.close());
  const contents = openContents(config, parts.clock);
  release.unshift(() => contents.close());
  return { sink, contents };
}

function openTelemetry(config: Config, options: ServerOptions & { readonly log: Log }) {
  const { log, version: serviceVersion = 'unknown' } = options;
  return {
    tracing: openTracing({
      serviceVersion,
      to: options.tracesTo ?? (config.sendsTraces ? 'otlp' : 'nowhere'),
    }),
    meters: openMeters({ log, serviceVersion, otlp: config.otlpMetrics }),
  };
}

async function serve(config: Config, foundation: Foundation): Promise<Server> {
  const { log, machineClock, db } = foundation;
  const refusing = new AbortController();
  const endingStreams = new AbortController();
  let background: Background | undefined;
  const health = new Health({
    database: db,
    dispatcherFault: () => (background ? background.fault : 'the server is starting'),
    draining: refusing.signal,
    clock: machineClock,
  });
  const port = await buildPort(config, foundation, {
    health,
    endingStreams: endingStreams.signal,
  });
  const url = urlOf(await port.listen(config.listen));
  background = startBackground(config, foundation);
  observeHealth(foundation.meters.metrics, health, () => background?.lookAgeMs);
  void health.run(refusing.signal);
  log.info('listening', { url, database: config.database.kind, auth: config.auth.kind });

  const stoppable: Stoppable = {
    refuse: () => refusing.abort(),
    stopRequests: () => {
      endingStreams.abort();
      return port.close();
    },
    activeRequests: () => port.activeRequests,
    cutRequests: () => port.destroy(),
    stopTasks: () => background.stop(),
    release: foundation.release,
    cutDatabase: foundation.cutDatabase,
  };
  const { shutdownDelayMs: delayMs } = config;
  const grace = divideGrace(config.shutdownGraceMs);
  let closing: Promise<ShutdownOutcome> | undefined;
  return {
    url,
    close() {
      closing ??= shutDown(stoppable, { delayMs, grace, clock: machineClock, log });
      return closing;
    },
  };
}

async function buildPort(
  config: Config,
  foundation: Foundation,
  { endingStreams, health }: { readonly health: Health; readonly endingStreams: AbortSignal },
): Promise<OnePort> {
  const { admission, log, machineClock, meters, tracing, pushTasks } = foundation;
  const parts = await openServiceParts(config, foundation);
  const { maxArtifactBytes } = config;
  const addresses = new ClientAddresses(config.trustedProxies ?? []);
  const crossOrigin = new CrossOrigin(config.prpcOrigins ?? []);
  const shared = {
    authenticate: authenticateBy(config.auth, machineClock),
    updateTokens: parts.recorder.updateTokens,
    admission: admission.admission,
    isAnonymousGranted: config.auth.kind === 'none' || hasAnyGrant(config.auth.grants, ANONYMOUS),
    maxRequestBytes: config.maxRequestBytes,
    draining: endingStreams,
    addresses,
    tracing,
    observe: callObservation({ log, metrics: meters.metrics }),
  };
  const handle = routes({
    rpcs: rpcRoutes({
      ...shared,
      services: (router) => registerServices(router, parts, endingStreams),
      crossOrigin,
    }),
    artifacts: artifactRoutes({ ...shared, ...parts, maxArtifactBytes }),
    health,
    log,
    pushes: pushTasks.pushes,
    renderMetrics: meters.render,
    onlyLoopbackHosts: config.auth.kind === 'none',
    crossOrigin,
    clock: machineClock,
  });
  const { maxConnections, maxConnectionsPerAddress, requestTimeoutMs } = config;
  return new OnePort({
    handle,
    maxConnections,
    maxConnectionsPerAddress,
    isProxy: (address) => addresses.isProxy(address),
    requestTimeoutMs,
    clock: machineClock,
    log,
    metrics: meters.metrics,
  });
}

function authenticateBy(auth: AuthConfig, clock: Clock): Authenticate {
  return auth.kind === 'none'
    ? everybodyAnonymous
    : oidcAuthenticate({ issuers: auth.issuers, clock });
}

function startBackground(config: Config, foundation: Foundation): Background {
  const { db, clock, queue, inspector, sink, wakeUp, log, tracing, meters, pushTasks } = foundation;
  const { metrics } = meters;
  const { finalizer } = pushTasks;
  const { invocationRows, workers, leaseMs, pollMs, rescueEveryMs } = config;
  const { workMs: graceMs } = divideGrace(config.shutdownGraceMs);
  const handlers = [
    tracedBatchHandler(finalizeHandler(finalizer), tracing),
    tracedHandler(exportHandler({ db, queue, sink, invocationRows, log, metrics }), tracing),
    pushTasks.handler,
  ];
  const sharedGauges = withSharedGauges({ clock, metrics });
  observeReminders(sharedGauges, { db, clock });
  observeState({ db, clock, metrics });
  const types = handlers.map(({ type }) => type.name);
  observeQueue(sharedGauges, { inspector, types });
  const dispatcher = new Dispatcher({
    handlers,
    queue,
    workers,
    leaseMs,
    pollMs,
    graceMs,
    wakeUp,
    clock,
    log,
    metrics,
  });
  return new Background({
    dispatcher,
    log,
    rescueEveryMs,
    graceMs,
    pollMs,
    serverClock: clock,
    unknownTypes: new UnknownTypeWatch({ inspector, known: types, clock, log, metrics }),
    clock: foundation.machineClock,
    // The rescue does not use pushed tasks: whatever delays them must not delay their rescue as well.
    enforcement: new Enforcement({
      finalizer,
      log,
      metrics,
      everyMs: config.enforceEveryMs,
    }),
    purging: purgingBy(config, foundation),
    rescue: rescueBySteps({ db, clock, queue }, rescueEveryMs),
    sweeper: config.pushTasks.sweepEveryMs > 0 ? pushTasks.sweeper : undefined,
  });
}

/** Returns `undefined` if other processes purge. */
function purgingBy(
  { deadTaskExpirationMs: deadTaskMs, purgeEveryMs: everyMs }: Config,
  { clock, contents, db, log, meters }: Foundation,
): Purging | undefined {
  if (everyMs === 0) return undefined;
  const { metrics } = meters;
  return new Purging({ db, clock, contents, deadTaskMs, everyMs, log, metrics });
}

/** Each call looks at the next invocations, and starts again after the last one. */
function rescueBySteps(finalizer: FinalizerParts, olderThanMs: number): () => Promise<number> {
  let after: InvocationId | undefined;
  return async () => {
    const { rescued, next } = await rescueStuck(finalizer, { olderThanMs, after });
    after = next;
    return rescued;
  };
}

function urlOf({ host, port }: ListenAddress): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
