/**
 * The life of a task.
 *
 *     enqueue ─► due ──lease (attempt + 1)──► leased ──complete──► gone
 *                 ▲                             │ retry, release, or the lease ends
 *                 └─────────────────────────────┘      │ PermanentError, or attempts used up
 *                                                      └──► dead (kept with its reason; redrive → due)
 *
 * Type and id name a task. Its fence grows with each lease, and every later call names it: a worker
 * whose attempt is no longer the newest changes nothing.
 */
import type { EpochMs } from '../foundations/clock.ts';
import { CodedError } from '../foundations/errors.ts';
import type { Payload } from './payload.ts';

/** A kind of task. The code that enqueues it and the code that handles it share this value. */
export interface TaskType<P = unknown> {
  readonly name: string;
  readonly payload: Payload<P>;
}

/** A task to enqueue. `payload` may be left out if the type has none. */
export type NewTask<P = unknown> = {
  readonly type: TaskType<P>;
  /** 1 to 512 bytes; unique within the type while the task lives. */
  readonly id: string;
  /**
   * What the task is about, if anything: text of the same bounds as an id, that the queue stores and
   * hands to the handler, and does not interpret.
   */
  readonly subject?: string;
  /** The task is due after this many milliseconds; at once unless given. */
  readonly delayMs?: number;
  /**
   * Why an earlier attempt failed that does not count, as by `TaskQueue.replace`. It is shown with the task,
   * and handed to the handler as `lastError`.
   */
  readonly lastError?: string;
  /**
   * The task is due at this time, by the database's clock; excludes `delayMs`. If you compute it from a
   * machine's clock, it is as wrong as that clock.
   */
  readonly processAfter?: EpochMs;
} & (undefined extends P ? { readonly payload?: P } : { readonly payload: P });

/** The outcome of an enqueue. `duplicate`: a task of that type and id is alive already. */
export type EnqueueOutcome = 'enqueued' | 'duplicate';

/** Names one attempt. Every call after the lease takes it. */
export interface LeaseId {
  readonly type: string;
  readonly id: string;
  /** Grows with each lease, even if the task was done and enqueued again under its name. */
  readonly fence: number;
}

/** The right to run one attempt at a task, until `leaseUntil` or an extension of it. */
export interface Lease extends LeaseId {
  /** What the task is about, as it was enqueued. */
  readonly subject: string | undefined;
  readonly payload: Uint8Array | undefined;
  readonly createTime: EpochMs;
  readonly processAfter: EpochMs;
  readonly leaseUntil: EpochMs;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** Why the previous attempt failed. */
  readonly lastError: string | undefined;
  /** Whether the database knows that the attempt has begun, in case the process dies: see `begin`. */
  readonly begun: boolean | undefined;
  /** How many attempts ended with their process; `undefined` as long as every lease of the task was settled. */
  readonly deaths: number | undefined;
}

/** Bounds what one call leases. */
export interface LeaseLimit {
  readonly tasks: number;
  /** Leases no more tasks once their payloads have this many bytes; unbounded unless given. */
  readonly bytes?: number;
  /**
   * How many of the tasks, oldest first, begin at once: all unless given. If the process dies, the
   * others have not used up an attempt, unless `begin` was called for them.
   */
  readonly begin?: number;
}

/** `lost`: another attempt has begun, or this one was settled already; nothing changed. */
export type SettleOutcome = 'done' | 'lost';

const MAX_TYPE_LENGTH = 64;
const TYPE_PATTERN = /^[A-Za-z0-9_.:/-]+$/;
const MAX_ID_BYTES = 512;
const MAX_TIME = Date.UTC(9999, 11, 31);
const MAX_DELAY_MS = 1_000 * 365 * 24 * 3_600_000;
const MAX_LEASE_MS = 7 * 24 * 3_600_000;

/**
 * Declares a type of tasks: `taskType('email', standardPayload(emailSchema))`. The name must have 1
 * to 64 characters of `A-Z a-z 0-9 _ . : / -`, otherwise it throws `invalid-argument`.
 */
export function taskType<P>(name: string, payload: Payload<P>): TaskType<P> {
  return { name: checkTypeName(name), payload };
}

export function checkTypeName(name: string): string {
  if (name.length > 0 && name.length <= MAX_TYPE_LENGTH && TYPE_PATTERN.test(name)) return name;
  throw invalid(
    `task type ${quote(name)}: must be 1 to ${MAX_TYPE_LENGTH} of A-Z a-z 0-9 _ . : / -`,
  );
}

export function checkTaskId(id: string): string {
  return checkText(id, 'id');
}

export function checkSubject(subject: string): string {
  return checkText(subject, 'subject');
}

function checkText(value: string, noun: string): string {
  const size = Buffer.byteLength(value);
  const isStorable = !value.includes('\0') && value.isWellFormed();
  if (size > 0 && size <= MAX_ID_BYTES && isStorable) return value;
  throw invalid(
    `task ${noun} ${quote(value)}: must have 1 to ${MAX_ID_BYTES} bytes of well-formed text, without NUL`,
  );
}

export function checkProcessAfter(time: EpochMs): EpochMs {
  if (time >= 0 && time <= MAX_TIME) return time;
  throw invalid(`processAfter ${time}: must be milliseconds since 1970, before the year 9999`);
}

export function checkDelayMs(delayMs: number): number {
  if (delayMs >= 0 && delayMs <= MAX_DELAY_MS) return delayMs;
  throw invalid(`a delay of ${delayMs} ms: must be 0 or more, and at most 1000 years`);
}

export function checkLeaseMs(leaseMs: number): number {
  if (leaseMs > 0 && leaseMs <= MAX_LEASE_MS) return leaseMs;
  throw invalid(`a lease of ${leaseMs} ms: must be more than 0, and at most 7 days`);
}

function invalid(message: string): CodedError {
  return new CodedError('invalid-argument', message);
}

function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
