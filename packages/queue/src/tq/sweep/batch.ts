/**
 * Submits the tasks of a batch of stale reminders. A reminder is deleted only after its
 * task was submitted, and becomes dead only if that can never work; one transaction does so for the batch.
 * So wherever the process dies, unfinished work is done again, and nothing is lost.
 */
import { forEachLimit } from '../../foundations/concurrency.ts';
import { LOOK } from '../../storage/database.ts';
import type { NewDeadReminder } from '../reminders/reminder.ts';
import { readReminders, settleReminders } from '../reminders/reminders.ts';
import { type SubmitParts, type SubmitResult, submitReminder } from '../submit/submit.ts';

/** What became of stale reminders. */
export interface SweepCounts {
  /** Reminders that are deleted, as their tasks are in the queue. */
  readonly submitted: number;
  /** Reminders that wait for the next sweep. */
  readonly kept: number;
  /** Reminders that are dead, as their tasks cannot be submitted. */
  readonly dead: number;
  /** Reminders that another process had settled before. */
  readonly missing: number;
}

export const NO_COUNTS: SweepCounts = { submitted: 0, kept: 0, dead: 0, missing: 0 };

const SUBMITS_AT_ONCE = 16;

/**
 * If `signal` aborts, submits that have begun are settled, and the other reminders are kept. An error of
 * the database is thrown: then all reminders are kept, even if their tasks are submitted, and a queue
 * that knows names takes them once.
 */
export async function sweepBatch(
  parts: SubmitParts,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<SweepCounts> {
  const { db } = parts;
  const found = await db.read((tx) => readReminders(tx, ids), LOOK);
  const submitted: string[] = [];
  const dead: NewDeadReminder[] = [];
  await forEachLimit(found, SUBMITS_AT_ONCE, async (reminder) => {
    const result: SubmitResult = signal.aborted
      ? 'kept'
      : await submitReminder(parts, { reminder }, 'sweep');
    if (result === 'submitted') submitted.push(reminder.id);
    else if (result !== 'kept') dead.push(result);
  });
  const settled = submitted.length + dead.length;
  if (settled > 0) await settleReminders(db, submitted, dead);
  return {
    submitted: submitted.length,
    kept: found.length - settled,
    dead: dead.length,
    missing: ids.length - found.length,
  };
}

export function addCounts(a: SweepCounts, b: SweepCounts): SweepCounts {
  return {
    submitted: a.submitted + b.submitted,
    kept: a.kept + b.kept,
    dead: a.dead + b.dead,
    missing: a.missing + b.missing,
  };
}
