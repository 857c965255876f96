/** The handlers that users write, and the limits of their attempts. */
import type { EpochMs } from '../../foundations/clock.ts';
import { CodedError } from '../../foundations/errors.ts';
import type { Backoff } from '../../foundations/retry.ts';
import type { Transaction } from '../../storage/database.ts';
import type { TaskType } from '../task.ts';

/** One attempt at a task, as its handler sees it. */
export interface Task<P = unknown> {
  readonly type: string;
  readonly id: string;
  readonly payload: P;
  /** What the task is about, as it was enqueued. */
  readonly subject: string | undefined;
  readonly createTime: EpochMs;
  readonly processAfter: EpochMs;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** Grows from attempt to attempt, even across redrives, so a handler can fence its writes elsewhere by it. */
  readonly fence: number;
  /** Why the previous attempt failed. */
  readonly lastError: string | undefined;
}

export interface HandlerContext {
  /** Aborts when the lease is lost, the time is up, or the process is asked to stop. */
  readonly signal: AbortSignal;
  /**
   * Completes the task in the handler's own transaction, so that its writes take effect exactly
   * once. Throws `lease-lost` if another attempt has begun: do not catch it, as it rolls everything back.
   */
  complete(tx: Transaction): Promise<void>;
}

/** What all handlers have: the type of their tasks, and the limits of an attempt. */
export interface HandlerSettings<P = unknown> {
  readonly type: TaskType<P>;
  /** How many attempts a task has before it is dead: 20 unless given. */
  readonly maxAttempts?: number;
  /** Pauses between attempts, with full jitter: 1 s doubling up to 10 min unless given. */
  readonly backoff?: Backoff;
  /**
   * How long one attempt may run: 1 hour unless given. Each heartbeat checks it. A handler that goes on
   * after its signal has aborted can no longer settle the task.
   */
  readonly maxRunMs?: number;
}

/**
 * Handles one kind of task. When `handle` returns, the task is done. When it throws, the task is retried
 * later, but a PermanentError makes it dead at once.
 */
export interface TaskHandler<P = unknown> extends HandlerSettings<P> {
  handle(task: Task<P>, context: HandlerContext): Promise<void>;
}

export interface FailOptions {
  /** The pause before the next attempt, in milliseconds; as `backoff` says unless given. */
  readonly delayMs?: number;
}

/** What a batch handler can say of its tasks while it runs. The first word on a task counts. */
export interface BatchContext<P = unknown> {
  /** Aborts when nothing is left to handle, since all leases are lost, the time is up, or the process is to stop. */
  readonly signal: AbortSignal;
  /** Tells whether the task is still to be handled: its lease is held, and nothing has been said of it. */
  isOpen(task: Task<P>): boolean;
  /**
   * Completes these tasks in the handler's own transaction, so that its writes take effect exactly once.
   * Throws `lease-lost` if another attempt at one of them has begun: do not catch it, as it rolls
   * everything back. The others are then handed over again without those.
   */
  complete(tx: Transaction, tasks: readonly Task<P>[]): Promise<void>;
  /** Says that the task is done, even if the handler throws later. */
  done(task: Task<P>): void;
  /** Says that the task has failed: it is retried later, but a PermanentError makes it dead at once. */
  fail(task: Task<P>, error: unknown, options?: FailOptions): void;
}

/**
 * Handles tasks of one kind many at a time: those that were leased together. When `handleBatch` returns,
 * all of them are done, except those that it said have failed.
 *
 * When it throws, the tasks of which nothing was said are handed over again in halves, down to one at a
 * time, so that a task that cannot be done does not fail its neighbours. What it does must therefore be
 * idempotent, or be done in the transaction of `complete`. A task whose process has died is handed over
 * alone.
 */
export interface BatchTaskHandler<P = unknown> extends HandlerSettings<P> {
  handleBatch(tasks: readonly Task<P>[], context: BatchContext<P>): Promise<void>;
  /** How many tasks are handed over at once, at most: 200 unless given. */
  readonly maxBatch?: number;
}

// biome-ignore lint/suspicious/noExplicitAny: handlers of any payload stand side by side
export type AnyHandler = TaskHandler<any> | BatchTaskHandler<any>;

interface HandlerLimits {
  readonly maxAttempts: number;
  readonly backoff: Backoff;
  readonly maxRunMs: number;
  readonly maxBatch: number;
}

export const HANDLER_DEFAULTS: HandlerLimits = {
  maxAttempts: 20,
  backoff: { initialMs: 1_000, maxMs: 600_000 },
  maxRunMs: 3_600_000,
  maxBatch: 200,
};

const MAX_PAUSE_MS = 366 * 24 * 3_600_000;

// biome-ignore lint/suspicious/noExplicitAny: what is no batch handler is then a TaskHandler
export function isBatchHandler(handler: AnyHandler): handler is BatchTaskHandler<any> {
  return 'handleBatch' in handler;
}

/** Throws `invalid-argument` for limits that would leave a failed attempt without a next one. */
export function checkHandler(handler: AnyHandler): AnyHandler {
  const { maxAttempts, backoff, maxRunMs, maxBatch } = { ...HANDLER_DEFAULTS, ...handler };
  const isValid =
    maxAttempts >= 1 &&
    maxRunMs > 0 &&
    isPause(backoff.initialMs) &&
    isPause(backoff.maxMs) &&
    (backoff.factor ?? 1) >= 0;
  if (!isValid) {
    refuse(
      handler,
      'maxAttempts must be 1 or more, maxRunMs more than 0, and the pauses of backoff 0 to 366 days',
    );
  }
  if (!Number.isSafeInteger(maxBatch) || maxBatch < 1) {
    refuse(handler, 'maxBatch must be a whole number, 1 or more');
  }
  if ('handle' in handler && isBatchHandler(handler)) {
    refuse(handler, 'it must have handle or handleBatch, not both');
  }
  return handler;
}

function refuse({ type }: AnyHandler, reason: string): never {
  throw new CodedError('invalid-argument', `handler of ${type.name}: ${reason}`);
}

function isPause(ms: number): boolean {
  return ms >= 0 && ms <= MAX_PAUSE_MS;
}

/**
 * How an attempt ended.
 * - `done`: the handler returned, and the task is gone.
 * - `retry`: it failed, and there will be another.
 * - `dead`: it failed for good, and the task is dead.
 * - `released`: the process was told to stop; another worker may begin at once.
 * - `lost`: another attempt had begun before this one ended; nothing of this one took effect.
 */
export type Outcome = 'done' | 'retry' | 'dead' | 'released' | 'lost';
