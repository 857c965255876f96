/** A task class is a kind of pushed tasks: what they carry, where they go, and how they may be added. */
import type { EpochMs } from '../../foundations/clock.ts';
import type { JsonPayload } from '../../tasks/payload.ts';

/**
 * - `transactional`: only inside a transaction; delivered if and only if it commits.
 * - `non-transactional`: only outside a transaction.
 * - `follows-context`: inside and outside.
 */
export type TaskKind = 'transactional' | 'non-transactional' | 'follows-context';

/** One name for all tasks, or a function that picks a name for each task. */
export type Destination<P> = string | ((payload: P) => string);

/** A request that is sent instead of the usual envelope; its receiver handles it. */
export interface CustomRequest {
  readonly method?: 'POST' | 'PUT' | 'PATCH' | 'GET' | 'HEAD' | 'DELETE';
  /** The path from the root of the host: `/hooks/build?id=1`. */
  readonly relativeUri?: string;
  /** The headers of a queue's request, or the attributes of a topic's message. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

/**
 * Exactly one of `queue` and `topic` is given. Names are short (`mail`), or full
 * (`projects/p/locations/l/queues/mail`, `projects/p/topics/mail`).
 */
export interface TaskClass<P = unknown> {
  /** 1 to 100 characters of `A-Z a-z 0-9 _ . -`; unique. Stored tasks contain it: renaming strands them. */
  readonly id: string;
  /** What tasks carry. They are sent as JSON, so it needs that form, which a `TaskType` does not. */
  readonly payload: JsonPayload<P>;
  readonly kind: TaskKind;
  /** A queue of Cloud Tasks or the like. It delivers tasks by HTTP requests. */
  readonly queue?: Destination<P>;
  /** A topic of Pub/Sub. Tasks are published as messages, without deduplication or delay. */
  readonly topic?: Destination<P>;
  /** The beginning of the request's path: `/internal/tasks/t` unless given. Queues only. */
  readonly routingPrefix?: string;
  /** `tasks.example.org`, or an origin with its scheme: `http://127.0.0.1:8080`. Queues only. */
  readonly targetHost?: string;
  /** Keeps payloads out of the log. */
  readonly quiet?: boolean;
  /** Replaces the envelope; `undefined` keeps it. */
  readonly custom?: (payload: P) => CustomRequest | undefined;
  /** Runs tasks in this process. It may be attached later (TaskClasses.attach), or in another process. */
  readonly handle?: PushTaskHandler<P>;
}

// biome-ignore lint/suspicious/noExplicitAny: a class of tasks with any payload
export type AnyTaskClass = TaskClass<any>;

/** A task to add. `payload` may be left out if the class has none. */
export type NewPushTask<P = unknown> = {
  readonly class: TaskClass<P>;
  /**
   * Tasks of one class with the same key are one task, for as long as the queue remembers names (Cloud
   * Tasks: about a day). For queues only, and outside transactions: inside, the transaction decides.
   */
  readonly deduplicationKey?: string;
  /** The end of the URL, for logs. It is escaped except for slashes, so no part may be `.` or `..`. */
  readonly title?: string;
  /** The task is due after this many milliseconds; at once unless given. For queues only. */
  readonly delayMs?: number;
  /** The task is due at this time; excludes `delayMs`. For queues only. */
  readonly processAfter?: EpochMs;
} & (undefined extends P ? { readonly payload?: P } : { readonly payload: P });

/** One delivery of a task, as its handler sees it. */
export interface PushTask<P = unknown> {
  readonly classId: string;
  /** The task's name in its queue, if the delivery has it. */
  readonly id: string | undefined;
  readonly payload: P;
  readonly queue: string | undefined;
  /** 1 for the first attempt. The queue counts the attempts to which a handler responded. */
  readonly attempt: number;
  /** Why the task runs again, in the queue's words, if the delivery says so. */
  readonly retryReason?: string;
  /** The HTTP status of the previous response, if the delivery has it. */
  readonly previousStatus?: number;
  /** When the task was due, if the delivery says so. */
  readonly processAfter: EpochMs | undefined;
  /** The W3C trace context in which the task was added. */
  readonly traceparent: string | undefined;
}

/**
 * What a handler is given besides its task. It has no `complete`, unlike that of a task in our own queue: a
 * queue elsewhere learns from the response, and from nothing else, that a task is done.
 */
export interface PushTaskContext {
  /** Aborts when the delivery ends early: the request was cut, or the process stops. */
  readonly signal: AbortSignal;
}

/**
 * Returns when the task is done. An error makes the task run again later, except for a PermanentError
 * (the task does not run again; an error in the log and metrics; our own queue keeps it as a dead task) and
 * an IgnoredError (the task does not run again; a warning). Deliveries may repeat, so handlers must be idempotent.
 */
export type PushTaskHandler<P = unknown> = (
  task: PushTask<P>,
  context: PushTaskContext,
) => Promise<void>;

/** Declares a class of tasks. It is checked when it is registered (TaskClasses). */
export function taskClass<P>(declaration: TaskClass<P>): TaskClass<P> {
  return declaration;
}
