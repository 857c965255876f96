/**
 * The happy path: submits the tasks of committed transactions in the background, so that no caller
 * waits for a slow queue, and deletes their reminders in batches. If anything goes wrong here, the
 * reminder still exists, and a sweep does the work.
 */
import { Batches } from '../../foundations/concurrency.ts';
import { toError } from '../../foundations/errors.ts';
import { FRESH_MS, type NewDeadReminder, type Reminder } from '../reminders/reminder.ts';
import { settleReminders } from '../reminders/reminders.ts';
import { type SubmitParts, type SubmitResult, submitReminder } from './submit.ts';

/** How many submits run at once. */
const MAX_SUBMITTING = 64;
/** Further tasks are left to sweeps, so that a queue that is away does not fill the memory. */
const MAX_WAITING = 10_000;
const MAX_SETTLED = 500;

interface Added {
  readonly reminder: Reminder;
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
  /** The submits and settlements that are under way. */
  readonly #underWay = new Set<Promise<void>>();
  readonly #settling: Batches<Settled, undefined>;

  constructor(parts: SubmitParts) {
    this.#parts = parts;
    this.#settling = new Batches({ maxItems: MAX_SETTLED, run: (batch) => this.#settle(batch) });
  }

  /** Submits a reminder that was written at `addedAt` (monotonic clock). Never throws, never waits. */
  add(reminder: Reminder, addedAt: number): void {
    this.#parts.metrics.reminderCreated(reminder.classId);
    if (this.#waiting.length >= MAX_WAITING) this.#leaveToSweep(reminder);
    else this.#waiting.push({ reminder, addedAt });
    this.#startMore();
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  #startMore(): void {
    while (this.#submitting < MAX_SUBMITTING) {
      const added = this.#waiting.shift();
      if (added === undefined) return;
      const { reminder, addedAt } = added;
      if (this.#parts.clock.monotonicMs() - addedAt >= FRESH_MS) {
        this.#leaveToSweep(reminder);
        continue;
      }
      const run = this.#process(reminder).finally(() => this.#underWay.delete(run));
      this.#underWay.add(run);
    }
  }

  async #process(reminder: Reminder): Promise<void> {
    const { log } = this.#parts;
    const result = await this.#submit(reminder);
    if (result === 'kept') return;
    await this.#settling.add({ id: reminder.id, result }).catch((error: unknown) => {
      log.warn('a reminder is left to a sweep, though its task is submitted', {
        reminderId: reminder.id,
        error: toError(error),
      });
    });
  }

  /** Frees its slot before the reminder is settled, so that many are settled together. */
  async #submit(reminder: Reminder): Promise<SubmitResult> {
    this.#submitting += 1;
    try {
      return await submitReminder(this.#parts, reminder, 'happy');
    } finally {
      this.#submitting -= 1;
      this.#startMore();
    }
  }

  async #settle(settled: readonly Settled[]): Promise<undefined[]> {
    const submitted: string[] = [];
    const dead: NewDeadReminder[] = [];
    for (const { id, result } of settled) {
      if (result === 'submitted') submitted.push(id);
      else dead.push(result);
    }
    await this.#parts.db.write((tx) => settleReminders(tx, submitted, dead));
    return settled.map(() => undefined);
  }

  #leaveToSweep(reminder: Reminder): void {
    const { clock, metrics } = this.#parts;
    metrics.reminderProcessed(reminder, { path: 'happy', outcome: 'stale', now: clock.now() });
  }
}
