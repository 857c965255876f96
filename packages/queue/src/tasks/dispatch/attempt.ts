/**
 * One attempt at one task: decode, handle, settle. What handles it is a call (call.ts). Whatever the handler does or throws, the attempt ends
 * in one of five outcomes. How a failure ends is decided in one place (`#settleFailure`).
 */
import type { Clock } from '../../foundations/clock.ts';
import { hasCode, PermanentError, toError } from '../../foundations/errors.ts';
import type { Log } from '../../foundations/log.ts';
import type { Random } from '../../foundations/random.ts';
import { backoffMs } from '../../foundations/retry.ts';
import type { Transaction } from '../../storage/database.ts';
import type { TaskQueue } from '../queue.ts';
import type { Settler } from '../settle/settler.ts';
import type { Lease, SettleOutcome } from '../task.ts';
import {
  type AnyHandler,
  type FailOptions,
  HANDLER_DEFAULTS,
  type HandlerContext,
  isBatchHandler,
  type Outcome,
  type Task,
} from './handler.ts';
import type { LifecycleLog } from './lifecycle-log.ts';

export interface AttemptParts {
  readonly queue: TaskQueue;
  readonly settler: Settler;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly lifecycle: LifecycleLog;
}

/** Why an attempt was stopped before its handler had ended. */
export type StopReason = 'lease-lost' | 'not-begun' | 'out-of-time' | 'shutdown';

class Stopped extends Error {
  readonly reason: StopReason;

  constructor(reason: StopReason) {
    super(`the attempt was stopped: ${reason}`);
    this.name = 'Stopped';
    this.reason = reason;
  }
}

/** Does what the task is for. It is called once for an attempt, unless that ends before. */
export type Work = (task: Task) => Promise<void>;

export class Attempt {
  readonly lease: Lease;
  readonly handler: AnyHandler;
  readonly #parts: AttemptParts;
  #startedAt: number | undefined;
  #aborter: AbortController | undefined;
  #stopped: Stopped | undefined;
  /** Resolves the promise of `handle`. */
  #end: (() => void) | undefined;
  #failure: Error | undefined;
  #delayMs: number | undefined;
  #completion: 'none' | 'asked-for' | 'committed' = 'none';

  constructor(lease: Lease, handler: AnyHandler, parts: AttemptParts) {
    this.lease = lease;
    this.handler = handler;
    this.#parts = parts;
  }

  /** How long the attempt has been running; 0 before it begins. */
  get durationMs(): number {
    return this.#startedAt === undefined ? 0 : this.#parts.clock.monotonicMs() - this.#startedAt;
  }

  /** The size of the payload. */
  get bytes(): number {
    return this.lease.payload?.byteLength ?? 0;
  }

  /** Whether the database must record that the attempt begins, before it does: see lease/lapsed-lease.ts. */
  get mustBeRecorded(): boolean {
    const { begun, deaths } = this.lease;
    return !begun && (deaths !== undefined || this.#maxAttempts() === 1) && !this.#isUsedUp();
  }

  /**
   * How many tasks one call may have if this is one of them. A task whose process has died is alone, so
   * that its neighbours do not die with it again.
   */
  get maxBatch(): number {
    if (!isBatchHandler(this.handler) || this.lease.deaths !== undefined) return 1;
    return this.handler.maxBatch ?? HANDLER_DEFAULTS.maxBatch;
  }

  get isStopped(): boolean {
    return this.#stopped !== undefined;
  }

  isOutOfTime(): boolean {
    return this.durationMs > (this.handler.maxRunMs ?? HANDLER_DEFAULTS.maxRunMs);
  }

  /**
   * Runs `work` until it ends or is stopped, or finds that it cannot run. Never throws: `settle` acts on
   * the result.
   */
  handle(work: Work): Promise<void> {
    this.#startedAt = this.#parts.clock.monotonicMs();
    return new Promise((resolve) => {
      this.#end = resolve;
      if (this.#stopped) resolve();
      else void this.#run(work);
    });
  }

  /** Completes, retries or releases the task, or marks it dead. Throws only errors of the database. */
  async settle(): Promise<Outcome> {
    const { settler } = this.#parts;
    const failure = this.#stopped ?? this.#failure;
    if (this.#completion === 'committed') return this.#afterCommit();
    if (failure && isLost(failure)) return this.#lost(failure);
    if (failure) return await this.#settleFailure(failure);
    const settled = await settler.complete(this.lease);
    // A commit in a user's own transaction is not seen here: the task is gone by that very commit.
    return this.#completion === 'asked-for' ? 'done' : settled;
  }

  /** Aborts the handler's signal, and ends the attempt without waiting for the handler. */
  stop(reason: StopReason): void {
    if (this.#stopped) return;
    this.#stopped = new Stopped(reason);
    this.#aborter?.abort(this.#stopped);
    this.#end?.();
  }

  /** Created when a handler asks for it: most never do, and it costs more than everything else here. */
  get signal(): AbortSignal {
    this.#aborter ??= new AbortController();
    if (this.#stopped) this.#aborter.abort(this.#stopped);
    return this.#aborter.signal;
  }

  /** Completes the task in the handler's own transaction. */
  async complete(tx: Transaction): Promise<void> {
    await this.#parts.queue.complete(this.lease, tx);
    this.completionAskedFor();
    tx.afterCommit(() => this.completionCommitted());
  }

  /** A transaction of the handler completes the task. */
  completionAskedFor(): void {
    this.#completion = 'asked-for';
  }

  completionCommitted(): void {
    this.#completion = 'committed';
  }

  /** If the attempt fails, the next one begins after this pause. */
  delayNext({ delayMs }: FailOptions): void {
    this.#delayMs = delayMs;
  }

  async #run(work: Work): Promise<void> {
    try {
      if (this.#isUsedUp()) throw new PermanentError(this.#reasonNotToBegin());
      this.#parts.lifecycle.begun(this.lease);
      const decoded = this.#decode();
      const payload = decoded instanceof Promise ? await decoded : decoded;
      await work(this.#task(payload));
    } catch (thrown) {
      this.#failure = toError(thrown);
    }
    this.#end?.();
  }

  #decode(): unknown {
    try {
      const decoded = this.handler.type.payload.decode(this.lease.payload);
      return decoded instanceof Promise ? decoded.catch(undecodable) : decoded;
    } catch (cause) {
      return undecodable(cause);
    }
  }

  #task(payload: unknown): Task {
    const { type, id, subject, createTime, processAfter, attempt, fence, lastError } = this.lease;
    return { type, id, payload, subject, createTime, processAfter, attempt, fence, lastError };
  }

  #afterCommit(): Outcome {
    const { log } = this.#parts;
    if (this.#failure) log.warn('the handler failed after its commit', this.#fields(this.#failure));
    return 'done';
  }

  #lost(error: Error): Outcome {
    this.#parts.log.warn('another attempt has begun: this one is void', this.#fields(error));
    return 'lost';
  }

  async #settleFailure(error: Error): Promise<Outcome> {
    const { type, id, fence } = this.lease;
    const { log, settler } = this.#parts;
    if (error instanceof Stopped && hasNotBeen(error)) {
      return unlessLost('released', await settler.release(this.lease));
    }
    if (error instanceof PermanentError || this.#isLast()) {
      log.error('task is dead', this.#fields(error));
      const reason = this.#reasonFor(error);
      const failure = { type, id, fence, reason, isUnbegun: this.#isUsedUp() };
      return unlessLost('dead', await settler.markDead(failure));
    }
    const delayMs = this.#delayMs ?? this.#backoffMs();
    log.warn('attempt failed', { ...this.#fields(error), delayMs });
    const failure = { type, id, fence, error: error.message, delayMs };
    return unlessLost('retry', await settler.retry(failure));
  }

  #fields(error: Error) {
    const { type, id, attempt } = this.lease;
    return { type, id, attempt, error };
  }

  #isLast(): boolean {
    return this.lease.attempt >= this.#maxAttempts();
  }

  /** Whether earlier attempts used all up: their processes died, or `maxAttempts` was higher then. */
  #isUsedUp(): boolean {
    return this.lease.attempt > this.#maxAttempts();
  }

  #maxAttempts(): number {
    return this.handler.maxAttempts ?? HANDLER_DEFAULTS.maxAttempts;
  }

  #backoffMs(): number {
    const backoff = this.handler.backoff ?? HANDLER_DEFAULTS.backoff;
    return backoffMs(backoff, this.lease.attempt, this.#parts.random);
  }

  #reasonNotToBegin(): string {
    const { attempt, deaths = 0, lastError } = this.lease;
    // If marking it dead has failed before, the lease for that counts as one more death.
    const died = Math.min(deaths, this.#maxAttempts());
    if (died === 0) return `${lastError} (attempt ${attempt - 1}: no more are allowed)`;
    return `its process died ${died === 1 ? 'once' : `${died} times`}: no more attempts are allowed`;
  }

  #reasonFor(error: Error): string {
    if (error instanceof PermanentError) return error.message;
    return `${error.message} (attempt ${this.lease.attempt}, the last one)`;
  }
}

function unlessLost(outcome: Outcome, settled: SettleOutcome): Outcome {
  return settled === 'lost' ? 'lost' : outcome;
}

/** Whether the attempt does not count. */
function hasNotBeen({ reason }: Stopped): boolean {
  return reason === 'shutdown' || reason === 'not-begun';
}

/** Adds up the sizes of the payloads. */
export function bytesOf(attempts: readonly Attempt[]): number {
  return attempts.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** The attempt as its handler sees it. */
export class AttemptContext implements HandlerContext {
  readonly #attempt: Attempt;
  readonly complete = (tx: Transaction): Promise<void> => this.#attempt.complete(tx);

  constructor(attempt: Attempt) {
    this.#attempt = attempt;
  }

  get signal(): AbortSignal {
    return this.#attempt.signal;
  }
}

function undecodable(cause: unknown): never {
  const { message } = toError(cause);
  throw new PermanentError(`its payload cannot be decoded: ${message}`, { cause });
}

function isLost(error: Error): boolean {
  if (error instanceof Stopped) return error.reason === 'lease-lost';
  return hasCode(error, 'lease-lost');
}
