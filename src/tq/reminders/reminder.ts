/**
 * A reminder: what says, from inside a transaction, that a task has to be submitted once it has
 * committed. The process that wrote it has a minute to do so (it is *fresh*); after that, a sweep
 * does. Task and reminder share their id, so that both submitting it makes one task.
 */
import type { EpochMs } from '../../clock.ts';
import { CodedError } from '../../errors.ts';
import type { FromNow } from '../../storage/column.ts';
import type { NewRow, Row } from '../../storage/table.ts';
import type { SubmitRequest } from '../submit/submitter.ts';
import { encodeRequest } from './stored-request.ts';
import type { deadReminders, reminders } from './table.ts';

export type Reminder = Row<typeof reminders>;

/** A reminder that cannot be submitted, kept with the reason. */
export type DeadReminder = Row<typeof deadReminders>;

export type NewDeadReminder = NewRow<typeof deadReminders>;

/** What a scan sees of a reminder. */
export interface ReminderSummary {
  readonly id: string;
  /** How long it has not been fresh any more, by the clock that `freshUntil` is of; negative while it is. */
  readonly staleMs: number;
}

/** Digits of an id; tasks that are named by a deduplication key have 64, so the two never meet. */
export const REMINDER_ID_LENGTH = 32;
const ID_PATTERN = new RegExp(`^[0-9a-f]{${REMINDER_ID_LENGTH}}$`);
export const FRESH_MS = 60_000;
/** Attribute of messages, for those who look for a task: topics know no names. */
const REMINDER_ATTRIBUTE = 'X-Luci-Tq-Reminder-Id';

/** The request as it is submitted for a reminder of that id. */
export function remindedRequest(request: SubmitRequest, id: string): SubmitRequest {
  if (request.kind === 'queue') return { ...request, name: id };
  return { ...request, attributes: { ...request.attributes, [REMINDER_ATTRIBUTE]: id } };
}

/**
 * `request` is the one of `remindedRequest`. Throws `invalid-argument` for an id that is none: sweeps
 * cut the space of ids as numbers, and would pass over it.
 */
export function newReminder(id: string, request: SubmitRequest, now: EpochMs): Reminder {
  if (!isReminderId(id)) {
    throw new CodedError('invalid-argument', `${JSON.stringify(id)} is not the id of a reminder`);
  }
  return {
    id,
    classId: request.classId,
    createTime: now,
    freshUntil: Math.floor(now + FRESH_MS),
    payload: encodeRequest(request),
  };
}

export function isReminderId(text: string): boolean {
  return ID_PATTERN.test(text);
}

export function isFresh({ freshUntil }: Pick<Reminder, 'freshUntil'>, now: EpochMs): boolean {
  return now < freshUntil;
}

export function toDeadReminder(
  { id, classId, createTime, payload }: Reminder,
  failure: { readonly reason: string; readonly deadTime: EpochMs | FromNow },
): NewDeadReminder {
  return { id, classId, createTime, payload, ...failure };
}
