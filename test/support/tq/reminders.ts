/** Reminders in a database, for tests that handle them. */
import type { EpochMs } from '@postlude/queue/foundations';
import type { Database } from '@postlude/queue/storage';
import { deadReminders, reminders } from '@postlude/queue/tables';
import { newReminder, remindedRequest } from '../../../packages/queue/src/tq/reminders/reminder.ts';

const REQUEST = {
  kind: 'queue',
  classId: 'mail',
  queue: 'projects/p/locations/l/queues/mail',
  method: 'POST',
  url: 'https://example.org/internal/tasks/t/mail',
  headers: {},
  body: new Uint8Array(),
} as const;

/** Turns a digit such as `a` into an id of 32 digits. */
export function reminderId(digit: string): string {
  return digit.repeat(32);
}

function reminderOf(digit: string, createTime: EpochMs) {
  const id = reminderId(digit);
  return newReminder(id, remindedRequest(REQUEST, id), createTime);
}

/** Inserts a reminder that is fresh for a minute from `createTime` on. */
export async function insertReminder(
  db: Database,
  digit: string,
  createTime: EpochMs,
): Promise<void> {
  await db.write((tx) => tx.insert(reminders, [reminderOf(digit, createTime)]));
}

/** Inserts a reminder that no version of the program can read. */
export async function insertBrokenReminder(
  db: Database,
  digit: string,
  createTime: EpochMs,
): Promise<void> {
  const broken = { ...reminderOf(digit, createTime), payload: new Uint8Array([0]) };
  await db.write((tx) => tx.insert(reminders, [broken]));
}

/** Inserts reminders that died at `deadTime`, with reasons such as `no queue for a`. */
export async function insertDeadReminders(
  db: Database,
  digits: readonly string[],
  deadTime: EpochMs,
): Promise<void> {
  const rows = digits.map((digit) => {
    const { freshUntil: _, ...kept } = reminderOf(digit, deadTime - 60_000);
    return { ...kept, deadTime, reason: `no queue for ${digit}` };
  });
  await db.write((tx) => tx.insert(deadReminders, rows));
}
