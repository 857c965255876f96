/**
 * The durable queue: its operations and their guarantees.
 *
 * Every task runs at least once. What its handler writes in the transaction that also completes the
 * task takes effect exactly once. Everything after the lease is fenced by the attempt's number: a
 * worker whose lease has ended and been taken over changes nothing, and learns that from the outcome.
 */
import { type Clock, type EpochMs, systemClock } from '../foundations/clock.ts';
import { CodedError } from '../foundations/errors.ts';
import { FromNow } from '../storage/column.ts';
import type { Database, Transaction } from '../storage/database.ts';
import type { NewRow } from '../storage/table.ts';
import { type DatabaseTime, databaseTime } from '../storage/time.ts';
import { type DeadTaskSelection, redrive } from './dead-tasks.ts';
import { type Claim, claimFor, leaseNamed } from './lease/claim.ts';
import { UNLEASED } from './lease/fences.ts';
import { peekTasks } from './lease/peek.ts';
import { LeaseLostError } from './settle/lease-lost.ts';
import { LockingSettlement } from './settle/locking-settlement.ts';
import { SerializableSettlement } from './settle/serializable-settlement.ts';
import type { FailedAttempt, FinalFailure, TaskSettlement } from './settle/task-settlement.ts';
import { tasks } from './table.ts';
import {
  checkDelayMs,
  checkLeaseMs,
  checkProcessAfter,
  checkSubject,
  checkTaskId,
  checkTypeName,
  type EnqueueOutcome,
  type Lease,
  type LeaseId,
  type LeaseLimit,
  type NewTask,
  type SettleOutcome,
} from './task.ts';
import { holds, readTasks, taskKey } from './task-rows.ts';
import { noWakeUp, type WakeUp } from './wake-up.ts';

/** Bounds the error or reason that is kept with a task. */
const MAX_MESSAGE_LENGTH = 4_000;

export interface TaskQueueOptions {
  readonly db: Database;
  /**
   * Paces the queue's own polling. It does not set dates: due times and leases follow the database's
   * clock. In tests, a virtual clock (`FakeClock`) replaces that, too. The machine's clock unless given.
   */
  readonly clock?: Clock;
  /** Is told of every task that is due when it is enqueued. By default nothing is. */
  readonly wakeUp?: WakeUp;
  /**
   * Whether small calls of `enqueue` without a transaction share commits with concurrent ones; true unless
   * given. Each call still waits for the commit of its own tasks, and has its own outcomes and errors.
   */
  readonly gather?: boolean;
}

export class TaskQueue {
  readonly #db: Database;
  readonly #clock: Clock;
  readonly #time: DatabaseTime;
  readonly #wakeUp: WakeUp;
  readonly #claim: Claim;
  readonly #settlement: TaskSettlement;
  readonly #gather: boolean | undefined;

  constructor(options: TaskQueueOptions) {
    this.#db = options.db;
    this.#clock = options.clock ?? systemClock;
    this.#time = databaseTime(options.db.dialect, this.#clock);
    this.#wakeUp = options.wakeUp ?? noWakeUp;
    this.#claim = claimFor({ db: options.db, time: this.#time, clock: this.#clock });
    this.#settlement = settlementFor(options.db, this.#time);
    this.#gather = options.gather;
  }

  /**
   * Enqueues tasks. If `tx` is given, they exist if and only if it commits. Returns one outcome for
   * each, in order. If a task of the same type and id is alive, the new one is reported as a duplicate,
   * which aborts nothing. Throws `invalid-argument` for an invalid name or time.
   */
  async enqueue<P>(added: readonly NewTask<P>[], tx?: Transaction): Promise<EnqueueOutcome[]> {
    const rows = this.#toRows(added);
    if (tx === undefined) {
      const inserted = await this.#db.insertNew(tasks, rows, { gather: this.#gather });
      this.#wake(inserted);
      return outcomesOf(rows, inserted);
    }
    const inserted = await tx.insertNew(tasks, rows);
    tx.afterCommit(() => this.#wake(inserted));
    return outcomesOf(rows, inserted);
  }

  /**
   * Enqueues tasks in `tx` without looking for living ones of the same name. Use it if you know that
   * there are none, or want their attempts to start again. A living task is replaced, and a worker that
   * has leased it is fenced out.
   */
  async replace<P>(added: readonly NewTask<P>[], tx: Transaction): Promise<void> {
    const rows = this.#toRows(added);
    await tx.upsert(tasks, rows);
    tx.afterCommit(() => this.#wake(rows));
  }

  /** Yields the ids of due tasks that are not leased, oldest first. Each page is read from one snapshot. */
  peek(type: string): AsyncIterable<string> {
    return peekTasks(this.#db, { type: checkTypeName(type), time: this.#time });
  }

  /** Leases one task. Returns `undefined` if it is not due, is leased already, or does not exist. */
  async lease(type: string, id: string, leaseMs: number): Promise<Lease | undefined> {
    const name = { type: checkTypeName(type), id: checkTaskId(id) };
    const parts = { db: this.#db, time: this.#time };
    const [lease] = await leaseNamed(parts, [name], { leaseMs: checkLeaseMs(leaseMs) });
    return lease;
  }

  /** Leases up to `limit` due tasks of a type, oldest first. Returns at least one if any is due and free. */
  async leaseDue(type: string, limit: number | LeaseLimit, leaseMs: number): Promise<Lease[]> {
    checkTypeName(type);
    const { tasks: most, bytes, begin } = typeof limit === 'number' ? { tasks: limit } : limit;
    if (most < 1) return [];
    return await this.#claim({ type, limit: most, bytes, begin, leaseMs: checkLeaseMs(leaseMs) });
  }

  /**
   * Records that attempts begin now, so that they count if the process dies. Call it for leases that
   * were taken ahead (`LeaseLimit.begin`), before the attempt does anything.
   */
  begin(leases: readonly LeaseId[]): Promise<SettleOutcome[]> {
    return this.#settlement.begin(leases);
  }

  /**
   * Deletes tasks that are done. Returns for each whether its lease still held. In `tx`, it does what
   * `complete` does there, for all of them: it throws a `LeaseLostError` if one lease is lost.
   */
  async completeAll(leases: readonly LeaseId[], tx?: Transaction): Promise<SettleOutcome[]> {
    if (tx === undefined) return await this.#settlement.complete(leases);
    const rows = new Map((await readTasks(tx, leases)).map((row) => [taskKey(row), row]));
    const lost = leases.filter((lease) => {
      const row = rows.get(taskKey(lease));
      return row === undefined || !holds(lease, row);
    });
    if (lost.length > 0) throw new LeaseLostError(lost);
    await tx.delete(tasks, leases);
    return leases.map(() => 'done');
  }

  /**
   * Deletes a task that is done. In `tx`, the deletion and all other writes of the transaction commit
   * together or not at all; if another attempt has begun, it throws `lease-lost`, which rolls `tx` back.
   */
  async complete(lease: LeaseId, tx?: Transaction): Promise<SettleOutcome> {
    return only(await this.completeAll([lease], tx));
  }

  /** Ends a failed attempt; the next one may begin after `delayMs`. */
  async retry(
    { type, id, fence }: LeaseId,
    { error, delayMs }: { readonly error: string; readonly delayMs: number },
  ): Promise<SettleOutcome> {
    return only(await this.retryAll([{ type, id, fence, error, delayMs }]));
  }

  /** Does what `retry` does for many attempts, in one batch. */
  async retryAll(failures: readonly FailedAttempt[]): Promise<SettleOutcome[]> {
    const checked = failures.map(({ type, id, fence, error, delayMs }) => {
      return { type, id, fence, error: storable(error), delayMs: checkDelayMs(delayMs) };
    });
    return await this.#settlement.retry(checked);
  }

  /** Gives leases back as if their attempts had not been made: another worker may begin at once. */
  async release(leases: readonly LeaseId[]): Promise<SettleOutcome[]> {
    const outcomes = await this.#settlement.release(leases);
    if (leases.length > 0) this.#wakeUp.enqueued(typesOf(leases));
    return outcomes;
  }

  /** Moves a task that no retry can help to the dead tasks, which keep the reason. */
  async markDead({ type, id, fence }: LeaseId, reason: string): Promise<SettleOutcome> {
    return only(await this.markAllDead([{ type, id, fence, reason }]));
  }

  /** Does what `markDead` does for many tasks, in one batch. */
  async markAllDead(failures: readonly FinalFailure[]): Promise<SettleOutcome[]> {
    const checked = failures.map((failure) => ({ ...failure, reason: storable(failure.reason) }));
    return await this.#settlement.markDead(checked);
  }

  /** Makes leases end `leaseMs` from now. */
  async extend(leases: readonly LeaseId[], leaseMs: number): Promise<SettleOutcome[]> {
    return await this.#settlement.extend(leases, checkLeaseMs(leaseMs));
  }

  /** Makes dead tasks due again, with fresh attempts. Returns how many. */
  async redrive(selection: DeadTaskSelection = {}): Promise<number> {
    const types = await redrive(this.#db, selection, this.#time);
    this.#wakeUp.enqueued([...new Set(types)]);
    return types.length;
  }

  #toRows<P>(added: readonly NewTask<P>[]): NewRow<typeof tasks>[] {
    return added.map((task) => toRow(task, this.#time));
  }

  #wake(rows: readonly NewRow<typeof tasks>[]): void {
    const due = rows.filter(({ processAfter }) => this.#isDue(processAfter));
    if (due.length > 0) this.#wakeUp.enqueued(typesOf(due));
  }

  /** Compares with this machine's clock, which is good enough: a woken dispatcher asks the database. */
  #isDue(processAfter: EpochMs | FromNow): boolean {
    if (processAfter instanceof FromNow) return processAfter.ms <= 0;
    return processAfter <= this.#clock.now();
  }
}

function outcomesOf(
  rows: readonly NewRow<typeof tasks>[],
  inserted: readonly NewRow<typeof tasks>[],
): EnqueueOutcome[] {
  const added = new Set(inserted);
  return rows.map((row) => (added.has(row) ? 'enqueued' : 'duplicate'));
}

function settlementFor(db: Database, time: DatabaseTime): TaskSettlement {
  const isLocking = db.capabilities.skipsLockedRows;
  return isLocking ? new LockingSettlement(db, time) : new SerializableSettlement(db, time);
}

function toRow<P>(task: NewTask<P>, time: DatabaseTime): NewRow<typeof tasks> {
  const { type, id, lastError, subject } = task;
  return {
    type: checkTypeName(type.name),
    id: checkTaskId(id),
    invocationId: subject === undefined ? undefined : checkSubject(subject),
    payload: type.payload.encode(task.payload as P),
    createTime: time.after(0),
    processAfter: dueTime(task, time),
    attempt: 0,
    fence: UNLEASED,
    ...(lastError === undefined ? {} : { lastError: storable(lastError) }),
  };
}

function dueTime(
  { id, delayMs, processAfter }: Pick<NewTask, 'id' | 'delayMs' | 'processAfter'>,
  time: DatabaseTime,
): EpochMs | FromNow {
  if (processAfter === undefined) return time.after(checkDelayMs(delayMs ?? 0));
  if (delayMs === undefined) return checkProcessAfter(processAfter);
  const message = `task ${id}: delayMs and processAfter exclude each other`;
  throw new CodedError('invalid-argument', message);
}

function typesOf(rows: readonly { readonly type: string }[]): string[] {
  return [...new Set(rows.map(({ type }) => type))];
}

function only(outcomes: readonly SettleOutcome[]): SettleOutcome {
  return outcomes[0] ?? 'lost';
}

/** Makes a message storable on every database: a thrown error may be very long, or contain NUL. */
function storable(message: string): string {
  return String(message).slice(0, MAX_MESSAGE_LENGTH).toWellFormed().replaceAll('\0', '\ufffd');
}
