/**
 * Submits one request, with a few attempts in a row, each of which has a time limit. It also decides, for
 * the happy path and for sweeps, what becomes of a reminder whose task was submitted or could not be.
 */
import type { Clock } from '../../foundations/clock.ts';
import { toError } from '../../foundations/errors.ts';
import type { Log } from '../../foundations/log.ts';
import type { Database } from '../../storage/database.ts';
import { databaseTime } from '../../storage/time.ts';
import { type NewDeadReminder, type Reminder, toDeadReminder } from '../reminders/reminder.ts';
import { decodeRequest } from '../reminders/stored-request.ts';
import type { SubmitPath, TqMetrics } from '../tq-metrics.ts';
import { Deadlines } from './deadlines.ts';
import { SubmitError } from './submit-error.ts';
import type { SubmitOutcome, SubmitRequest, Submitter } from './submitter.ts';

export interface SubmitParts {
  readonly db: Database;
  readonly submitter: Submitter;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: TqMetrics;
}

const MAX_ATTEMPTS = 4;
const ATTEMPT_MS = 20_000;
const deadlines = new WeakMap<Clock, Deadlines>();

/** Throws a SubmitError: a fatal one, or a transient one if all attempts failed. */
export async function submit(
  parts: SubmitParts,
  request: SubmitRequest,
  path: SubmitPath,
): Promise<SubmitOutcome> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await submitOnce(parts, request, path);
    } catch (error) {
      if (attempt === MAX_ATTEMPTS || !isTransient(error)) throw error;
    }
  }
}

/** How the submit of a reminder ended: the task is submitted, the reminder is kept for a sweep, or it is dead. */
export type SubmitResult = 'submitted' | 'kept' | NewDeadReminder;

/** A task and its reminder. A process that did not add the task knows only what the reminder stores. */
export interface RemindedTask {
  readonly reminder: Reminder;
  readonly request?: SubmitRequest;
}

/** Submits the task of a reminder. Never throws. */
export async function submitReminder(
  parts: SubmitParts,
  task: RemindedTask,
  path: SubmitPath,
): Promise<SubmitResult> {
  const { reminder } = task;
  let result: SubmitResult;
  try {
    await submit(parts, task.request ?? decodeStored(reminder), path);
    result = 'submitted';
  } catch (thrown) {
    result = resultOfFailure(parts, reminder, { thrown, path });
  }
  const outcome = typeof result === 'string' ? result : 'dead';
  parts.metrics.reminderProcessed(reminder, { path, outcome, now: parts.clock.now() });
  return result;
}

function resultOfFailure(
  { db, clock, log }: SubmitParts,
  reminder: Reminder,
  { thrown, path }: { readonly thrown: unknown; readonly path: SubmitPath },
): SubmitResult {
  const error = toError(thrown);
  const fields = { reminderId: reminder.id, classId: reminder.classId, path, error };
  if (isTransient(thrown)) {
    log.warn('a task is not submitted yet: a sweep tries again', fields);
    return 'kept';
  }
  log.error('a task cannot be submitted: its reminder is dead', fields);
  const deadTime = databaseTime(db.dialect, clock).after(0);
  return toDeadReminder(reminder, { reason: error.message, deadTime });
}

function decodeStored({ payload }: Reminder): SubmitRequest {
  try {
    return decodeRequest(payload);
  } catch (cause) {
    const { message } = toError(cause);
    throw new SubmitError(message, { isTransient: false, code: 'undecodable', cause });
  }
}

async function submitOnce(
  { submitter, clock, metrics }: SubmitParts,
  request: SubmitRequest,
  path: SubmitPath,
): Promise<SubmitOutcome> {
  const startedAt = clock.monotonicMs();
  const record = (code: string): void =>
    metrics.submitted(request.classId, {
      path,
      code,
      durationMs: clock.monotonicMs() - startedAt,
    });
  try {
    const outcome = await deadlinesOf(clock).run(
      (signal) => submitter.submit(request, signal),
      notInTime,
    );
    record(outcome);
    return outcome;
  } catch (error) {
    record(error instanceof SubmitError ? error.code : 'unknown');
    throw error;
  }
}

/** Attempts share a timer, of whichever object they are. */
function deadlinesOf(clock: Clock): Deadlines {
  const known = deadlines.get(clock);
  if (known) return known;
  const made = new Deadlines(clock, ATTEMPT_MS);
  deadlines.set(clock, made);
  return made;
}

function notInTime(): SubmitError {
  const message = `no answer within ${ATTEMPT_MS} ms`;
  return new SubmitError(message, { isTransient: true, code: 'timeout' });
}

/** An error that no submitter has classified may pass, too, so it makes no reminder dead. */
function isTransient(error: unknown): boolean {
  return !(error instanceof SubmitError) || error.isTransient;
}
