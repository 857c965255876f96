/**
 * One attempt at one task: decode, handle, settle. Whatever the handler throws or does ends here, in
 * one of five outcomes; which of them is decided in one place (`#afterFailure`).
 */
import type { Clock, EpochMs } from '../clock.ts';
import { hasCode, PermanentError, toError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Random } from '../random.ts';
import { backoffMs } from '../retry.ts';
import type { Transaction } from '../storage/database.ts';
import {
  HANDLER_DEFAULTS,
  type HandlerContext,
  type Outcome,
  type Task,
  type TaskHandler,
} from './handler.ts';
import type { TaskQueue } from './queue.ts';
import type { Settlement } from './settlement.ts';
import type { Settler } from './settler.ts';
import type { Lease } from './task.ts';

export interface AttemptParts {
  readonly queue: TaskQueue;
  readonly settler: Settler;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Why an attempt was told to stop before its handler had ended. */
export type StopReason = 'lease-lost' | 'out-of-time' | 'shutdown';

class Stopped extends Error {
  readonly reason: StopReason;

  constructor(reason: StopReason) {
    super(`the attempt was stopped: ${reason}`);
    this.name = 'Stopped';
    this.reason = reason;
  }
}

export class Attempt {
  readonly lease: Lease;
  readonly #handler: TaskHandler;
  readonly #parts: AttemptParts;
  #startedAt: EpochMs | undefined;
  #aborter: AbortController | undefined;
  #stopped: Stopped | undefined;
  #reject: ((error: Stopped) => void) | undefined;
  #failure: Error | undefined;
  #completion: 'none' | 'asked-for' | 'committed' = 'none';

  constructor(lease: Lease, handler: TaskHandler, parts: AttemptParts) {
    this.lease = lease;
    this.#handler = handler;
    this.#parts = parts;
  }

  /** How long it has been running; 0 before it begins. */
  get durationMs(): number {
    return this.#startedAt === undefined ? 0 : this.#parts.clock.now() - this.#startedAt;
  }

  isOutOfTime(): boolean {
    return this.durationMs > (this.#handler.maxRunMs ?? HANDLER_DEFAULTS.maxRunMs);
  }

  /** Runs the handler, or finds that it cannot. Never throws: `settle` acts on how it went. */
  async handle(): Promise<void> {
    this.#startedAt = this.#parts.clock.now();
    try {
      await this.#untilStopped(async () => {
        const task = this.#task(await this.#decode());
        await this.#handler.handle(task, this.#context());
      });
    } catch (thrown) {
      this.#failure = toError(thrown);
    }
  }

  /** Completes, retries, releases or buries the task. Throws faults of the database only. */
  async settle(): Promise<Outcome> {
    if (this.#failure && isLost(this.#failure)) return this.#lost(this.#failure);
    if (this.#failure) return await this.#settle(this.#afterFailure(this.#failure));
    if (this.#completion === 'committed') return 'done';
    const outcome = await this.#settle({ lease: this.lease, outcome: 'done' });
    // A commit in a user's own transaction is not seen here: the task is gone by that very commit.
    return this.#completion === 'asked-for' ? 'done' : outcome;
  }

  /** Aborts the handler's signal, and ends the attempt without waiting for the handler. */
  stop(reason: StopReason): void {
    if (this.#stopped) return;
    this.#stopped = new Stopped(reason);
    this.#aborter?.abort(this.#stopped);
    this.#reject?.(this.#stopped);
  }

  async #decode(): Promise<unknown> {
    try {
      return await this.#handler.type.payload.decode(this.lease.payload);
    } catch (cause) {
      const { message } = toError(cause);
      throw new PermanentError(`its payload cannot be decoded: ${message}`, { cause });
    }
  }

  #task(payload: unknown): Task {
    const { type, id, invocationId, createTime, processAfter, attempt, fence, lastError } =
      this.lease;
    return { type, id, payload, invocationId, createTime, processAfter, attempt, fence, lastError };
  }

  #context(): HandlerContext {
    const signal = (): AbortSignal => this.#signal();
    return {
      get signal() {
        return signal();
      },
      complete: (tx) => this.#completeIn(tx),
    };
  }

  /** Made when a handler asks for it: most never do, and it costs more than all the rest. */
  #signal(): AbortSignal {
    this.#aborter ??= new AbortController();
    if (this.#stopped) this.#aborter.abort(this.#stopped);
    return this.#aborter.signal;
  }

  async #completeIn(tx: Transaction): Promise<void> {
    await this.#parts.queue.complete(this.lease, tx);
    this.#completion = 'asked-for';
    tx.afterCommit(() => {
      this.#completion = 'committed';
    });
  }

  #untilStopped(handle: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      if (this.#stopped) reject(this.#stopped);
      else handle().then(resolve, reject);
    });
  }

  async #settle(settlement: Settlement): Promise<Outcome> {
    const settled = await this.#parts.settler.settle(settlement);
    return settled === 'done' ? settlement.outcome : 'lost';
  }

  #lost(error: Error): Outcome {
    this.#parts.log.warn('another attempt has begun: this one is void', this.#fields(error));
    return 'lost';
  }

  #afterFailure(error: Error): Settlement {
    const { lease } = this;
    const { log } = this.#parts;
    if (error instanceof Stopped && error.reason === 'shutdown') {
      return { lease, outcome: 'released' };
    }
    if (error instanceof PermanentError || this.#isLast()) {
      log.error('task given up', this.#fields(error));
      return { lease, outcome: 'dropped', reason: this.#reasonFor(error) };
    }
    const delayMs = this.#delayMs();
    log.warn('attempt failed', { ...this.#fields(error), delayMs });
    return { lease, outcome: 'retry', error: error.message, delayMs };
  }

  #fields(error: Error) {
    const { type, id, attempt } = this.lease;
    return { type, id, attempt, error };
  }

  #isLast(): boolean {
    return this.lease.attempt >= (this.#handler.maxAttempts ?? HANDLER_DEFAULTS.maxAttempts);
  }

  #delayMs(): number {
    const backoff = this.#handler.backoff ?? HANDLER_DEFAULTS.backoff;
    return backoffMs(backoff, this.lease.attempt, this.#parts.random);
  }

  #reasonFor(error: Error): string {
    if (error instanceof PermanentError) return error.message;
    return `${error.message} (attempt ${this.lease.attempt}, the last one)`;
  }
}

function isLost(error: Error): boolean {
  if (error instanceof Stopped) return error.reason === 'lease-lost';
  return hasCode(error, 'lease-lost');
}
