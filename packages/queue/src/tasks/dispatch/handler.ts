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

/**
 * Handles one kind of task. When `handle` returns, the task is done. When it throws, the task is retried
 * later, but a PermanentError makes it dead at once.
 */
export interface TaskHandler<P = unknown> {
  readonly type: TaskType<P>;
  handle(task: Task<P>, context: HandlerContext): Promise<void>;
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

interface HandlerLimits {
  readonly maxAttempts: number;
  readonly backoff: Backoff;
  readonly maxRunMs: number;
}

export const HANDLER_DEFAULTS: HandlerLimits = {
  maxAttempts: 20,
  backoff: { initialMs: 1_000, maxMs: 600_000 },
  maxRunMs: 3_600_000,
};

const MAX_PAUSE_MS = 366 * 24 * 3_600_000;

/** Throws `invalid-argument` for limits that would leave a failed attempt without a next one. */
export function checkHandler(handler: TaskHandler): TaskHandler {
  const { maxAttempts, backoff, maxRunMs } = { ...HANDLER_DEFAULTS, ...handler };
  const isValid =
    maxAttempts >= 1 &&
    maxRunMs > 0 &&
    isPause(backoff.initialMs) &&
    isPause(backoff.maxMs) &&
    (backoff.factor ?? 1) >= 0;
  if (isValid) return handler;
  throw new CodedError(
    'invalid-argument',
    `handler of ${handler.type.name}: maxAttempts must be 1 or more, maxRunMs more than 0, and the pauses of backoff 0 to 366 days`,
  );
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
