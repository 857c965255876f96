/**
 * Pushed tasks in a server: their classes, how they are added, and how they run here, whether they come
 * from the queue of the database or by HTTP. Both ways of finalization are always served; the
 * experiment only chooses the way of new tries.
 */
import { SpanStatusCode } from '@opentelemetry/api';
import type { TaskHandler, TaskQueue } from '@postlude/queue';
import type { Clock, Log, Metrics, RequestHandler } from '@postlude/queue/foundations';
import { atMost } from '@postlude/queue/foundations';
import type { Database } from '@postlude/queue/storage';
import type { QueueRequest } from '@postlude/queue/tq';
import {
  type AroundPush,
  createPushHandler,
  deliverInProcess,
  deliveryHandler,
  nodePush,
  Sweeper,
  TaskClasses,
  Tq,
  traceparentOfHeaders,
} from '@postlude/queue/tq';
import { enableExperiments } from '../../experiments/experiments.ts';
import { finalizationTasks, useFinalizationTq } from '../../finalizer/finalization-tasks.ts';
import { finalizePushHandler } from '../../finalizer/handler.ts';
import type { FinalizerParts } from '../../finalizer/parts.ts';
import type { Config } from '../config/config.ts';
import type { PushTaskConfig } from '../config/push-task-config.ts';
import { tracedHandler } from '../telemetry/traced-handler.ts';
import type { Tracing } from '../telemetry/tracing.ts';
import { warnOfQueueProblems } from './find-queue-problems.ts';
import { openSubmitter } from './open-submitter.ts';
import { PUSH_TASK_CLASSES } from './push-task-classes.ts';

export interface PushTaskParts {
  readonly db: Database;
  readonly clock: Clock;
  readonly queue: TaskQueue;
  readonly onChange: NonNullable<FinalizerParts['onChange']>;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
}

export interface PushTasks {
  /** Its tries are pushed if the experiment is enabled. */
  readonly finalizer: FinalizerParts;
  /** Runs pushed tasks from the queue of the database. */
  readonly handler: TaskHandler<QueueRequest>;
  /** Runs tasks that permitted callers push by HTTP. */
  readonly pushes: RequestHandler | undefined;
  readonly sweeper: Sweeper;
  /**
   * Resolves once submissions after commits have ended. Call it before the database closes. Submissions
   * that take longer than a few seconds are left to a sweep.
   */
  close(): Promise<void>;
}

type PushTaskSettings = Pick<Config, 'experiments' | 'invocationRows' | 'pushTasks'>;

const EXPERIMENTS = [useFinalizationTq];
/** Less than a shutdown has for closing (shutdown.ts), so that the database still closes in order. */
const CLOSE_MS = 2_000;

export async function openPushTasks(
  parts: PushTaskParts,
  { experiments, invocationRows, pushTasks: config }: PushTaskSettings,
): Promise<PushTasks> {
  const { db, clock, queue, onChange, log, metrics, tracing } = parts;
  const classes = new TaskClasses(PUSH_TASK_CLASSES);
  const { submitter, close } = await openSubmitter(config, queue);
  const tq = new Tq({
    db,
    classes,
    submitter,
    clock,
    log,
    metrics,
    settings: config.requests,
    traceparent: () => tracing.traceparent(),
  });
  const pushed = { tq, experiments: enableExperiments(experiments, EXPERIMENTS, log) };
  const finalizer = { db, clock, queue, pushed, invocationRows, onChange };
  classes.attach(finalizationTasks, finalizePushHandler(finalizer));
  const closing = new AbortController();
  const queueCheck =
    config.queue === 'cloud-tasks'
      ? warnOfQueueProblems(config, { clock, log, signal: closing.signal })
      : undefined;
  const deliver = deliverInProcess({ classes, clock, log, metrics });
  return {
    finalizer,
    handler: tracedHandler(deliveryHandler(deliver), tracing, ({ payload }) =>
      traceparentOfHeaders(payload.headers),
    ),
    pushes: pushRoute(config, classes, parts),
    sweeper: new Sweeper({
      db,
      submitter,
      clock,
      log,
      metrics,
      ...(config.sweepEveryMs > 0 ? { intervalMs: config.sweepEveryMs } : {}),
    }),
    async close() {
      closing.abort();
      await queueCheck;
      await atMost(clock, CLOSE_MS, tq.idle());
      await close();
    },
  };
}

function pushRoute(
  { pushers }: PushTaskConfig,
  classes: TaskClasses,
  { clock, log, metrics, tracing }: PushTaskParts,
): PushTasks['pushes'] {
  if (pushers === 'none') return undefined;
  const push = createPushHandler({
    classes,
    clock,
    log,
    metrics,
    ...(pushers === 'loopback' ? {} : { auth: pushers }),
    around: inSpan(tracing),
  });
  return nodePush(push);
}

function inSpan(tracing: Tracing): AroundPush {
  return ({ traceparent, id = '', queue = '' }, run) => {
    const attributes = { 'postlude.push.task': id, 'postlude.push.queue': queue };
    return tracing.run('push', { attributes, traceparent }, async (span) => {
      const receipt = await run();
      span.setAttribute('postlude.push.outcome', receipt.outcome);
      if (receipt.error) {
        span.setStatus({ code: SpanStatusCode.ERROR, message: receipt.error.message });
      }
      return receipt;
    });
  };
}
