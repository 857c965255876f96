/**
 * What can become of leased tasks. The port has one implementation for each way in which a database can
 * do it. Every change is fenced: it touches a task only while the lease that it names belongs to the
 * newest attempt, and no earlier change has ended that lease.
 *
 * A change may have landed although its connection was lost. If it is repeated then, it returns `lost`,
 * which is harmless: what was to be done is done.
 */
import { type LimitOptions, LOOK } from '../../storage/database.ts';
import type { LeaseId, SettleOutcome } from '../task.ts';

/** An attempt that failed, and after which there will be another one. */
export interface FailedAttempt extends LeaseId {
  readonly error: string;
  /** How long the next attempt has to wait. */
  readonly delayMs: number;
}

/** A failure after which the task is dead. */
export interface FinalFailure extends LeaseId {
  readonly reason: string;
  /** The lease was only taken to mark the task dead: it does not count as an attempt. */
  readonly isUnbegun?: boolean;
}

/** Each method returns one outcome for each item that it is given, in order. */
export interface TaskSettlement {
  /** Deletes the tasks. */
  complete(leases: readonly LeaseId[]): Promise<SettleOutcome[]>;
  /** Ends the leases and makes the tasks due again, later. */
  retry(failures: readonly FailedAttempt[]): Promise<SettleOutcome[]>;
  /** Ends the leases and takes their attempts back. */
  release(leases: readonly LeaseId[]): Promise<SettleOutcome[]>;
  /** Keeps the leases, and records that their attempts have begun. */
  begin(leases: readonly LeaseId[]): Promise<SettleOutcome[]>;
  /** Makes the leases end `leaseMs` from now. */
  extend(leases: readonly LeaseId[], leaseMs: number): Promise<SettleOutcome[]>;
  /** Moves the tasks to the dead ones. */
  markDead(failures: readonly FinalFailure[]): Promise<SettleOutcome[]>;
}

const LEAST_EXTENSION_MS = 1_000;

/**
 * How long an extension may take: on a connection that has fallen silent it must end well before the
 * lease does, since the next one may succeed.
 */
export function extensionLimit(leaseMs: number): LimitOptions {
  const { limitMs = Number.POSITIVE_INFINITY } = LOOK;
  return { limitMs: Math.min(limitMs, Math.max(LEAST_EXTENSION_MS, Math.ceil(leaseMs / 6))) };
}
