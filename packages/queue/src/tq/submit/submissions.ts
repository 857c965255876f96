/**
 * The happy path: submits the tasks of committed transactions in the background, so that no caller
 * waits for a slow queue, and deletes their reminders in batches. If anything goes wrong here, the
 * reminder still exists, and a sweep does the work.
 */
import { Batches } from '../../foundations/concurrency.ts';
import { toError } from '../../foundations/errors.ts';
import { FRESH_MS, type NewDeadReminder, type Reminder } from '../reminders/reminder.ts';
import { settleReminders } from '../reminders/reminders.ts';
import {
  type RemindedTask,
  type SubmitParts,
  type SubmitResult,
  submitReminder,
} from './submit.ts';

/** How many submits run at once. */
const MAX_SUBMITTING = 64;
/** Further tasks are left to sweeps, so that a queue that is away does not fill the memory. */
const MAX_WAITING = 10_000;
const MAX_SETTLED = 500;

interface Added extends RemindedTask {
  /** When the reminder was written, by the monotonic clock. */
  readonly addedAt: number;
}

interface Settled {
  readonly id: string;
  readonly result: Exclude<SubmitResult, 'kept'>;
}

export class Submissions {
  readonly #parts: SubmitParts;
  readonly #waiting: Added[] = [];
  #submitting = 0;
  /** How many submits and settlements are under way. */
  #underWay = 0;
  readonly #idle: (() => void)[] = [];
  readonly #settling: Batches<Settled, undefined>;

  constructor(parts: SubmitParts) {
    this.#parts = parts;
    this.#settling = new Batches({ maxItems: MAX_SETTLED, run: (batch) => this.#settle(batch) });
  }

  /** Submits a task whose reminder has been written. Never throws, never waits. */
  add(added: Added): void {
    this.#parts.metrics.reminderCreated(added.reminder.classId);
    if (this.#waiting.length >= MAX_WAITING) this.#leaveToSweep(added.reminder);
    else this.#waiting.push(added);
    this.#startMore();
  }

  /** Resolves when nothing is under way. */
  idle(): Promise<void> {
    if (this.#underWay === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #startMore(): void {
    while (this.#submitting < MAX_SUBMITTING) {
      const added = this.#waiting.shift();
      if (added === undefined) return;
      if (this.#parts.clock.monotonicMs() - added.addedAt >= FRESH_MS) {
        this.#leaveToSweep(added.reminder);
        continue;
      }
      void this.#process(added);
    }
  }

  /** Never throws. It frees its slot before the reminder is settled, so that many are settled together. */
  async #process(added: RemindedTask): Promise<void> {
    this.#underWay += 1;
    this.#submitting += 1;
    const result = await submitReminder(this.#parts, added, 'happy');
    this.#submitting -= 1;
    this.#startMore();
    if (result !== 'kept') await this.#settleInBatch({ id: added.reminder.id, result });
    this.#underWay -= 1;
    if (this.#underWay > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  async #settleInBatch(settled: Settled): Promise<void> {
    try {
      await this.#settling.add(settled);
    } catch (error) {
      this.#parts.log.warn('a reminder is left to a sweep, though its task is submitted', {
        reminderId: settled.id,
        error: toError(error),
      });
    }
  }

  async #settle(settled: readonly Settled[]): Promise<undefined[]> {
    const submitted: string[] = [];
    const dead: NewDeadReminder[] = [];
    for (const { id, result } of settled) {
      if (result === 'submitted') submitted.push(id);
      else dead.push(result);
    }
    await settleReminders(this.#parts.db, submitted, dead);
    return settled.map(() => undefined);
  }

  #leaveToSweep(reminder: Reminder): void {
    const { clock, metrics } = this.#parts;
    metrics.reminderProcessed(reminder, { path: 'happy', outcome: 'stale', now: clock.now() });
  }
}
