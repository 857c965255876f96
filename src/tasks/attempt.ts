/**
 * One attempt at one task: decode, handle, settle. Whatever the handler throws or does ends here, in
 * one of five outcomes; which of them is decided in one place (`#settleFailure`).
 */
import type { Clock, EpochMs } from '../clock.ts';
import { hasCode, PermanentError, toError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Random } from '../random.ts';
import { backoffMs } from '../retry.ts';
import type { Transaction } from '../storage/database.ts';
import type { Completer } from './completer.ts';
import {
  HANDLER_DEFAULTS,
  type HandlerContext,
  type Outcome,
  type Task,
  type TaskHandler,
} from './handler.ts';
import type { TaskQueue } from './queue.ts';
import type { Lease, SettleOutcome } from './task.ts';

export interface AttemptParts {
  readonly queue: TaskQueue;
  readonly completer: Completer;
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
  readonly startedAt: EpochMs;
  readonly #handler: TaskHandler;
  readonly #parts: AttemptParts;
  #aborter: AbortController | undefined;
  #stopped: Stopped | undefined;
  #reject: ((error: Stopped) => void) | undefined;
  #failure: Error | undefined;
  #completion: 'none' | 'asked-for' | 'committed' = 'none';

  constructor(lease: Lease, handler: TaskHandler, parts: AttemptParts) {
    this.lease = lease;
    this.#handler = handler;
    this.#parts = parts;
    this.startedAt = parts.clock.now();
  }

  isOutOfTime(now: EpochMs): boolean {
    return now - this.startedAt > (this.#handler.maxRunMs ?? HANDLER_DEFAULTS.maxRunMs);
  }

  /** Runs the handler, or finds that it cannot. Never throws: `settle` acts on how it went. */
  async handle(): Promise<void> {
    try {
      const task = this.#task(await this.#decode());
      await this.#untilStopped(() => this.#handler.handle(task, this.#context()));
    } catch (thrown) {
      this.#failure = toError(thrown);
    }
  }

  /** Completes, retries, releases or buries the task. Throws faults of the database only. */
  async settle(): Promise<Outcome> {
    if (this.#failure) return await this.#settleFailure(this.#failure);
    if (this.#completion === 'committed') return 'done';
    const settled = await this.#parts.completer.complete(this.lease);
    // A commit in a user's own transaction is not seen here: the task is gone by that very commit.
    return this.#completion === 'asked-for' ? 'done' : outcomeOf(settled, 'done');
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

  async #settleFailure(error: Error): Promise<Outcome> {
    const { queue, log } = this.#parts;
    const { lease } = this;
    const fields = { type: lease.type, id: lease.id, attempt: lease.attempt, error };
    if (isLost(error)) {
      log.warn('another attempt has begun: this one is void', fields);
      return 'lost';
    }
    if (error instanceof Stopped && error.reason === 'shutdown') {
      const [settled = 'lost'] = await queue.release([lease]);
      return outcomeOf(settled, 'released');
    }
    if (error instanceof PermanentError || this.#isLast()) {
      log.error('task given up', fields);
      return outcomeOf(await queue.bury(lease, this.#reasonFor(error)), 'dropped');
    }
    const delayMs = this.#delayMs();
    log.warn('attempt failed', { ...fields, delayMs });
    return outcomeOf(await queue.retry(lease, { error: error.message, delayMs }), 'retry');
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

function outcomeOf(settled: SettleOutcome, outcome: Outcome): Outcome {
  return settled === 'done' ? outcome : 'lost';
}
