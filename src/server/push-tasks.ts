/**
 * Pushed tasks in a server: their classes, how they are added, and what runs them here. Both ways of
 * finalization are served always; the experiment only says which way new tries go.
 */
import type { Clock } from '../clock.ts';
import { enableExperiments } from '../experiments/experiments.ts';
import { finalizationTasks, useFinalizationTq } from '../finalizer/finalization-tasks.ts';
import { finalizePushHandler } from '../finalizer/handler.ts';
import type { FinalizerParts } from '../finalizer/parts.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type { Database } from '../storage/database.ts';
import type { TaskHandler } from '../tasks/handler.ts';
import type { TaskQueue } from '../tasks/queue.ts';
import { deliverInProcess, deliveryHandler } from '../tq/queue-delivery.ts';
import { QueueSubmitter } from '../tq/queue-submitter.ts';
import { traceparentOfHeaders } from '../tq/request.ts';
import type { QueueRequest } from '../tq/submitter.ts';
import { TaskClasses } from '../tq/task-classes.ts';
import { Tq } from '../tq/tq.ts';
import { tracedHandler } from './traced-handler.ts';
import type { Tracing } from './tracing.ts';

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
  readonly tq: Tq;
  /** Whose tries are pushed where the experiment says so. */
  readonly finalizer: FinalizerParts;
  /** Runs pushed tasks that lie in the queue of the database. */
  readonly handler: TaskHandler<QueueRequest>;
}

const EXPERIMENTS = [useFinalizationTq];

export function openPushTasks(parts: PushTaskParts, experiments: readonly string[]): PushTasks {
  const { db, clock, queue, onChange, log, metrics, tracing } = parts;
  const classes = new TaskClasses([finalizationTasks]);
  const tq = new Tq({
    ...{ db, classes, clock, log, metrics },
    submitter: new QueueSubmitter(queue),
    traceparent: () => tracing.traceparent(),
  });
  const pushed = { tq, experiments: enableExperiments(experiments, EXPERIMENTS, log) };
  const finalizer = { db, clock, queue, pushed, onChange };
  classes.attach(finalizationTasks, finalizePushHandler(finalizer));
  return {
    ...{ tq, finalizer },
    handler: tracedHandler(
      deliveryHandler(deliverInProcess({ classes, clock, log, metrics })),
      tracing,
      ({ payload }) => traceparentOfHeaders(payload.headers),
    ),
  };
}
