/**
 * A reminder is written in a transaction, and says that a task must be submitted after the commit. The
 * process that wrote it has a minute to do so (the reminder is *fresh*); after that, a sweep does.
 * Task and reminder share their id, so that the task is one even if both submit it.
 */
import type { EpochMs } from '../../foundations/clock.ts';
import { CodedError } from '../../foundations/errors.ts';
import type { FromNow } from '../../storage/column.ts';
import type { NewRow, Row } from '../../storage/table.ts';
import type { SubmitRequest } from '../submit/submitter.ts';
import { encodeRequest } from './stored-request.ts';
import type { deadReminders, reminders } from './table.ts';

export type Reminder = Row<typeof reminders>;

/** A reminder that cannot be submitted, kept with the reason. */
export type DeadReminder = Row<typeof deadReminders>;

export type NewDeadReminder = NewRow<typeof deadReminders>;

/** The part of a reminder that a scan reads. */
export interface ReminderSummary {
  readonly id: string;
  /** How long the reminder has been stale, by the clock of `freshUntil`; negative while it is fresh. */
  readonly staleMs: number;
}

/** The digits of an id. Names made from a deduplication key have 64, so the two never collide. */
export const REMINDER_ID_LENGTH = 32;
const ID_PATTERN = /^[0-9a-f]{32}$/;
export const FRESH_MS = 60_000;
/** An attribute of messages by which a task can be found, as topics know no names. */
const REMINDER_ATTRIBUTE = 'X-Luci-Tq-Reminder-Id';

/** Returns the request as it is submitted for a reminder of that id. */
export function remindedRequest(request: SubmitRequest, id: string): SubmitRequest {
  if (request.kind === 'queue') return { ...request, name: id };
  return { ...request, attributes: { ...request.attributes, [REMINDER_ATTRIBUTE]: id } };
}

/**
 * `request` must come from `remindedRequest`. Throws `invalid-argument` for an invalid id: sweeps cut the
 * space of ids as numbers, and would miss it.
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
