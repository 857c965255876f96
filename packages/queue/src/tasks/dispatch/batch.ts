/**
 * One batch of tasks: it is handed over once all of its attempts have begun. What the handler says of a
 * task ends the attempt at it. If the handler throws, the tasks of which nothing was said are handed over
 * again in halves, down to one at a time, whose error is then its own.
 *
 * An attempt that is stopped (its lease is lost, say) leaves the batch; the others go on.
 */
import { CodedError, hasCode, toError } from '../../foundations/errors.ts';
import type { Log } from '../../foundations/log.ts';
import type { Transaction } from '../../storage/database.ts';
import type { TaskQueue } from '../queue.ts';
import { LeaseLostError } from '../settle/lease-lost.ts';
import { checkDelayMs } from '../task.ts';
import type { Attempt } from './attempt.ts';
import type { BatchContext, BatchTaskHandler, FailOptions, Task } from './handler.ts';

export interface BatchParts {
  readonly handler: BatchTaskHandler;
  readonly queue: Pick<TaskQueue, 'completeAll'>;
  readonly log: Log;
  /** How many attempts it has. */
  readonly size: number;
}

interface Member {
  readonly attempt: Attempt;
  readonly task: Task;
  /** What the handler says of the task settles it. */
  readonly word: PromiseWithResolvers<void>;
  isDecided: boolean;
}

export class Batch {
  readonly #parts: BatchParts;
  readonly #members = new Map<string, Member>();
  readonly #context: BatchContext;
  /** How many attempts have neither joined nor ended. */
  #awaited: number;
  /** How many attempts have not ended. */
  #left: number;
  #aborter: AbortController | undefined;
  #hasFailed = false;

  constructor(parts: BatchParts) {
    this.#parts = parts;
    this.#awaited = parts.size;
    this.#left = parts.size;
    this.#context = contextOf(this);
  }

  /** Resolves when the attempt has ended. Never throws. */
  async handle(attempt: Attempt): Promise<void> {
    let hasJoined = false;
    await attempt.handle((task) => {
      hasJoined = true;
      return this.#join(attempt, task);
    });
    if (!hasJoined) this.#arrive();
    this.#left -= 1;
    if (this.#left === 0) this.#aborter?.abort();
  }

  get signal(): AbortSignal {
    this.#aborter ??= new AbortController();
    if (this.#left === 0) this.#aborter.abort();
    return this.#aborter.signal;
  }

  isOpen(task: Task): boolean {
    return isOpen(this.#member(task));
  }

  async complete(tx: Transaction, tasks: readonly Task[]): Promise<void> {
    const members = tasks.map((task) => this.#member(task));
    await this.#completeAll(tx, members);
    for (const { attempt } of members) attempt.completionAskedFor();
    tx.afterCommit(() => {
      for (const member of members) {
        member.attempt.completionCommitted();
        decide(member);
      }
    });
  }

  done(task: Task): void {
    decide(this.#member(task));
  }

  fail(task: Task, error: unknown, options: FailOptions): void {
    const member = this.#member(task);
    if (options.delayMs !== undefined) checkDelayMs(options.delayMs);
    if (!member.isDecided) member.attempt.delayNext(options);
    fail(member, error);
  }

  #join(attempt: Attempt, task: Task): Promise<void> {
    const word = Promise.withResolvers<void>();
    this.#members.set(task.id, { attempt, task, word, isDecided: false });
    this.#arrive();
    return word.promise;
  }

  #arrive(): void {
    this.#awaited -= 1;
    if (this.#awaited === 0) void this.#handOver([...this.#members.values()]);
  }

  /** Never throws. */
  async #handOver(members: readonly Member[]): Promise<void> {
    const open = members.filter(isOpen);
    if (open.length === 0) return;
    try {
      await this.#parts.handler.handleBatch(
        open.map(({ task }) => task),
        this.#context,
      );
      for (const member of open) decide(member);
    } catch (thrown) {
      await this.#failed(open, toError(thrown));
    }
  }

  async #failed(handed: readonly Member[], error: Error): Promise<void> {
    const open = handed.filter(isOpen);
    if (handed.length === 1) for (const member of open) fail(member, error);
    else if (hasCode(error, 'lease-lost') && open.length < handed.length)
      await this.#handOver(open);
    else if (open.length > 0) {
      this.#logFailure(open.length, error);
      const middle = Math.ceil(open.length / 2);
      await this.#handOver(open.slice(0, middle));
      await this.#handOver(open.slice(middle));
    }
  }

  /** Warns once: what follows from the failure is logged for each task. */
  #logFailure(count: number, error: Error): void {
    const { handler, log } = this.#parts;
    const fields = { type: handler.type.name, tasks: count, error };
    if (this.#hasFailed) log.debug('a batch failed', fields);
    else log.warn('a batch failed: its tasks are handed over again, in halves', fields);
    this.#hasFailed = true;
  }

  async #completeAll(tx: Transaction, members: readonly Member[]): Promise<void> {
    const leases = members.map(({ attempt }) => attempt.lease);
    try {
      await this.#parts.queue.completeAll(leases, tx);
    } catch (error) {
      if (error instanceof LeaseLostError) {
        for (const { id } of error.lost) this.#members.get(id)?.attempt.stop('lease-lost');
      }
      throw error;
    }
  }

  #member({ type, id }: Task): Member {
    const member = this.#members.get(id);
    if (member) return member;
    throw new CodedError('invalid-argument', `task ${type} ${id} is not in this batch`);
  }
}

/** Its methods may be taken off it, as those of a context usually are. */
function contextOf(batch: Batch): BatchContext {
  return {
    get signal() {
      return batch.signal;
    },
    isOpen: (task) => batch.isOpen(task),
    complete: (tx, tasks) => batch.complete(tx, tasks),
    done: (task) => batch.done(task),
    fail: (task, error, options = {}) => batch.fail(task, error, options),
  };
}

function isOpen({ attempt, isDecided }: Member): boolean {
  return !isDecided && !attempt.isStopped;
}

function decide(member: Member): void {
  member.isDecided = true;
  member.word.resolve();
}

function fail(member: Member, error: unknown): void {
  if (member.isDecided) return;
  member.isDecided = true;
  member.word.reject(error);
}
