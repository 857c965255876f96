/**
 * Transactional push tasks. A task that is added in a transaction is delivered at least once if the
 * transaction commits, and never otherwise. It is pushed: in the usual case nothing polls for it.
 *
 * 1. The transaction saves a *reminder* of the task.
 * 2. After the commit, the task is submitted to its queue under the reminder's id, and the reminder is
 *    deleted.
 * 3. If that did not happen (the process died, the queue was away), a *sweep* finds the reminder when
 *    it is no longer fresh, and does the same. Queues know tasks by their names, so a task that was
 *    submitted both ways runs once, for as long as the queue remembers its name.
 *
 * A queue in the same database (QueueSubmitter) takes the task in the transaction itself, and needs
 * no reminder. The protocol is that of LUCI's server/tq.
 */
import { type Clock, type EpochMs, systemClock } from '../foundations/clock.ts';
import { CodedError } from '../foundations/errors.ts';
import { type Log, silentLog } from '../foundations/log.ts';
import { type Metrics, noMetrics } from '../foundations/metrics.ts';
import { randomHex } from '../foundations/random.ts';
import type { Database, Transaction } from '../storage/database.ts';
import { databaseTime, readNow } from '../storage/time.ts';
import type { NewPushTask } from './classes/task-class.ts';
import type { TaskClasses } from './classes/task-classes.ts';
import {
  FRESH_MS,
  newReminder,
  REMINDER_ID_LENGTH,
  remindedRequest,
} from './reminders/reminder.ts';
import { reminders } from './reminders/table.ts';
import { checkSettings, prepareRequest, type RequestSettings } from './submit/request.ts';
import { Submissions } from './submit/submissions.ts';
import { submit } from './submit/submit.ts';
import type { SubmitRequest, Submitter } from './submit/submitter.ts';
import { TqMetrics } from './tq-metrics.ts';

export interface TqOptions {
  /** The database that keeps the reminders, and whose transactions are passed to `addTask`. */
  readonly db: Database;
  readonly classes: TaskClasses;
  readonly submitter: Submitter;
  readonly settings?: RequestSettings;
  /** The machine's clock unless given. Times in the database follow the database's clock. */
  readonly clock?: Clock;
  readonly log?: Log;
  readonly metrics?: Metrics;
  /** The W3C trace context of the caller, which the task carries. */
  readonly traceparent?: () => string | undefined;
  /** 32 hexadecimal digits in lower case, random unless given. */
  readonly newReminderId?: () => string;
}

/** `added`: the task is delivered if the transaction commits; without one, it is submitted already. */
export type AddOutcome = 'added' | 'duplicate';

type FullOptions = Required<TqOptions>;

export class Tq {
  readonly #options: FullOptions;
  readonly #submitParts: ConstructorParameters<typeof Submissions>[0];
  readonly #submissions: Submissions;

  /** Throws `invalid-argument` for invalid settings. */
  constructor(options: TqOptions) {
    this.#options = withDefaults(options);
    const { db, submitter, clock, log, metrics, settings } = this.#options;
    checkSettings(settings);
    this.#submitParts = { db, submitter, clock, log, metrics: new TqMetrics(metrics) };
    this.#submissions = new Submissions(this.#submitParts);
  }

  /**
   * Adds a task. In `tx`, it is delivered if and only if `tx` commits; without `tx`, it is submitted now.
   * Throws `invalid-argument` for an invalid task, `failed-precondition` if its class does not allow
   * transactions, or requires one, and, outside transactions, a SubmitError.
   */
  async addTask<P>(task: NewPushTask<P>, tx?: Transaction): Promise<AddOutcome> {
    const { classes, clock, settings, traceparent } = this.#options;
    classes.check(task.class);
    checkKind(task, tx);
    const now = task.delayMs === undefined ? clock.now() : await this.#databaseTime(tx);
    const context = { settings, now, traceparent: traceparent() };
    const request = prepareRequest(task, context);
    if (tx === undefined) return await this.#addNow(request);
    await this.#addIn(tx, request);
    return 'added';
  }

  /** A delay counts from this time. Tasks without a delay need the time for metrics only. */
  async #databaseTime(tx: Transaction | undefined): Promise<EpochMs> {
    const { db, clock } = this.#options;
    const time = databaseTime(db.dialect, clock);
    return tx === undefined ? await db.read((own) => readNow(own, time)) : await readNow(tx, time);
  }

  /** Resolves when the submits of committed transactions have ended: call it before the process ends. */
  idle(): Promise<void> {
    return this.#submissions.idle();
  }

  async #addNow(request: SubmitRequest): Promise<AddOutcome> {
    const isUnnamed = request.kind === 'queue' && request.name === undefined;
    // An attempt whose response was lost is repeated: under one name, that makes one task.
    const named = isUnnamed ? { ...request, name: this.#options.newReminderId() } : request;
    const outcome = await submit(this.#submitParts, named, 'direct');
    return isUnnamed || outcome === 'submitted' ? 'added' : 'duplicate';
  }

  async #addIn(tx: Transaction, request: SubmitRequest): Promise<void> {
    const { submitter, newReminderId, clock } = this.#options;
    const id = newReminderId();
    const reminded = remindedRequest(request, id);
    if (await submitter.submitIn?.(tx, reminded)) return;
    const reminder = newReminder(id, reminded, clock.now());
    const addedAt = clock.monotonicMs();
    const { after } = databaseTime(tx.dialect, clock);
    await tx.insert(reminders, [
      { ...reminder, createTime: after(0), freshUntil: after(FRESH_MS) },
    ]);
    tx.afterCommit(() => this.#submissions.add({ reminder, request: reminded, addedAt }));
  }
}

function checkKind<P>(
  { class: { id, kind }, deduplicationKey }: NewPushTask<P>,
  tx: Transaction | undefined,
): void {
  if (tx === undefined && kind === 'transactional') {
    throw new CodedError('failed-precondition', `tasks of ${id} are added in a transaction only`);
  }
  if (tx !== undefined && kind === 'non-transactional') {
    throw new CodedError('failed-precondition', `tasks of ${id} are added outside transactions`);
  }
  if (tx !== undefined && deduplicationKey !== undefined) {
    throw new CodedError(
      'invalid-argument',
      `task of ${id}: no deduplicationKey in a transaction: what is to happen once, the transaction decides`,
    );
  }
}

function withDefaults(options: TqOptions): FullOptions {
  return {
    settings: {},
    clock: systemClock,
    log: silentLog,
    metrics: noMetrics,
    traceparent: () => undefined,
    newReminderId: () => randomHex(REMINDER_ID_LENGTH / 2),
    ...options,
  };
}
