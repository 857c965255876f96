/** A kind of pushed tasks: what they carry, where they go, and how they may be added. */
import type { EpochMs } from '../../clock.ts';
import type { TaskBody } from './body.ts';

/**
 * - `transactional`: only inside a transaction; delivered if and only if it commits.
 * - `non-transactional`: only outside.
 * - `follows-context`: both.
 */
export type TaskKind = 'transactional' | 'non-transactional' | 'follows-context';

/** A name, or one picked for each task. */
export type Destination<P> = string | ((payload: P) => string);

/** What is sent instead of the usual envelope; whoever gets it handles it. */
export interface CustomRequest {
  readonly method?: 'POST' | 'PUT' | 'PATCH' | 'GET' | 'HEAD' | 'DELETE';
  /** From the root of the host: `/hooks/build?id=1`. */
  readonly relativeUri?: string;
  /** Headers of a queue's request, attributes of a topic's message. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

/**
 * Exactly one of `queue` and `topic` is given. Names are short (`mail`), or full
 * (`projects/p/locations/l/queues/mail`, `projects/p/topics/mail`).
 */
export interface TaskClass<P = unknown> {
  /** 1 to 100 of `A-Z a-z 0-9 _ . -`; unique. Part of stored tasks: renaming strands them. */
  readonly id: string;
  readonly body: TaskBody<P>;
  readonly kind: TaskKind;
  /** Of Cloud Tasks or its like: delivered by an HTTP request. */
  readonly queue?: Destination<P>;
  /** Of Pub/Sub: published as a message. No deduplication, no delay. */
  readonly topic?: Destination<P>;
  /** Begins the path of the request's URL: `/internal/tasks/t` unless given. Queues only. */
  readonly routingPrefix?: string;
  /** `tasks.example.org`, or an origin with its scheme: `http://127.0.0.1:8080`. Queues only. */
  readonly targetHost?: string;
  /** Keeps payloads out of the log. */
  readonly quiet?: boolean;
  /** Replaces the envelope; `undefined` keeps it. */
  readonly custom?: (payload: P) => CustomRequest | undefined;
  /** Runs tasks in this process; may be attached later (TaskClasses.attach), or elsewhere. */
  readonly handle?: PushTaskHandler<P>;
}

// biome-ignore lint/suspicious/noExplicitAny: a class of tasks with any payload
export type AnyTaskClass = TaskClass<any>;

/** A task to add. */
export interface NewPushTask<P = unknown> {
  readonly class: TaskClass<P>;
  readonly payload: P;
  /**
   * Tasks of one class and key are one, for as long as the queue remembers names (Cloud Tasks: about
   * a day). Only of queues, and outside transactions: within one, the transaction decides.
   */
  readonly deduplicationKey?: string;
  /** Ends the URL, for logs; escaped there. Its slashes stay, so no part of it may be `.` or `..`. */
  readonly title?: string;
  /** Not before so many milliseconds from now. Not with `eta`; queues only. */
  readonly delayMs?: number;
  /** Not before that time. Queues only. */
  readonly eta?: EpochMs;
}

/** One delivery, as its handler sees it. */
export interface PushTaskContext {
  readonly classId: string;
  /** The task's name in its queue, where it is told. */
  readonly taskId: string | undefined;
  readonly queue: string | undefined;
  /** How often it has been run before: 0 for the first. */
  readonly executionCount: number;
  /** Why it is run again, in the queue's words, where that is told. */
  readonly retryReason?: string;
  /** The HTTP status that it was answered last, where that is told. */
  readonly previousStatus?: number;
  /** When it was meant to run, where that is told. */
  readonly eta: EpochMs | undefined;
  /** W3C trace context of who added the task. */
  readonly traceparent: string | undefined;
  /** Aborts when the delivery has ended: the request was cut, or the process stops. */
  readonly signal: AbortSignal;
}

/**
 * Returns when the task is done. What it throws makes it run again later, but for a PermanentError
 * (dropped, and an error in the log and metrics) and an IgnoredError (dropped, a warning).
 * Deliveries may repeat: handle them idempotently.
 */
export type PushTaskHandler<P = unknown> = (payload: P, context: PushTaskContext) => Promise<void>;

/** Declares a class of tasks; checked when it is registered (TaskClasses). */
export function taskClass<P>(declaration: TaskClass<P>): TaskClass<P> {
  return declaration;
}
