/**
 * Delivers pushed tasks from our own queue: a dispatcher runs this for tasks of the type `tq`. The queue takes
 * care of retries, pauses and dead tasks.
 */
import { type Clock, systemClock } from '../../foundations/clock.ts';
import { PermanentError } from '../../foundations/errors.ts';
import { type Log, silentLog } from '../../foundations/log.ts';
import { type Metrics, noMetrics } from '../../foundations/metrics.ts';
import type { HandlerContext, Task, TaskHandler } from '../../tasks/dispatch/handler.ts';
import { shortName } from '../classes/destination.ts';
import type { TaskClasses } from '../classes/task-classes.ts';
import { PUSH } from '../submit/queue-submitter.ts';
import { dueTimeOfHeaders, traceparentOfHeaders } from '../submit/request.ts';
import type { QueueRequest } from '../submit/submitter.ts';
import { TqMetrics } from '../tq-metrics.ts';
import { receive } from './receive.ts';

/** Makes one attempt at a delivery. Throws if it fails: a PermanentError if no other attempt can help. */
export type Deliver = (task: Task<QueueRequest>, context: HandlerContext) => Promise<void>;

export type DeliveryLimits = Pick<TaskHandler, 'maxAttempts' | 'backoff' | 'maxRunMs'>;

/** Returns the handler of pushed tasks for a Dispatcher. */
export function deliveryHandler(
  deliver: Deliver,
  limits: DeliveryLimits = {},
): TaskHandler<QueueRequest> {
  return { ...limits, type: PUSH, handle: deliver };
}

export interface InProcessDeliveryOptions {
  readonly classes: TaskClasses;
  readonly clock?: Clock;
  readonly log?: Log;
  readonly metrics?: Metrics;
}

/** Runs the handler of the task's class in this process. Custom requests need `deliverByHttp`. */
export function deliverInProcess(options: InProcessDeliveryOptions): Deliver {
  const { classes, clock = systemClock, log = silentLog, metrics = noMetrics } = options;
  const parts = { classes, clock, log, metrics: new TqMetrics(metrics) };
  return async ({ id, payload: request, attempt }, { signal }) => {
    const { outcome, error } = await receive(parts, request.body, {
      id,
      queue: shortName(request.queue),
      attempt,
      processAfter: dueTimeOfHeaders(request.headers),
      traceparent: traceparentOfHeaders(request.headers),
      signal,
    });
    if (outcome === 'done' || outcome === 'ignored') return;
    const cause = error ?? new Error(outcome);
    if (outcome === 'fatal') throw new PermanentError(cause.message, { cause });
    throw cause;
  };
}

export interface HttpDeliveryOptions {
  readonly fetch?: typeof fetch;
  /** Returns the OIDC token for the audience of a request. Without it, requests carry no token. */
  readonly token?: (pushAs: {
    readonly email: string;
    readonly audience: string;
  }) => Promise<string>;
}

/**
 * Makes the task's HTTP request, as Cloud Tasks would. A status of 200 to 299 is a success; after any other
 * one, the task is tried again.
 */
export function deliverByHttp(options: HttpDeliveryOptions = {}): Deliver {
  const request = options.fetch ?? fetch;
  return async ({ id, payload, attempt, lastError }, { signal }) => {
    const { pushAs, url, method, queue } = payload;
    const token = pushAs && (await options.token?.(pushAs));
    const response = await request(url, {
      method,
      headers: {
        ...payload.headers,
        'X-CloudTasks-QueueName': shortName(queue),
        'X-CloudTasks-TaskName': id,
        'X-CloudTasks-TaskExecutionCount': String(attempt - 1),
        'X-CloudTasks-TaskRetryCount': String(attempt - 1),
        ...(lastError === undefined ? {} : { 'X-CloudTasks-TaskRetryReason': 'failed' }),
        ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      },
      ...(method === 'GET' || method === 'HEAD' ? {} : { body: Uint8Array.from(payload.body) }),
      redirect: 'manual',
      signal,
    });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`${method} ${url} returned ${response.status}`);
  };
}
