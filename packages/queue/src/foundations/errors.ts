/**
 * Errors that callers can act on have a code; any other error is a bug or a fault of the machine. Each loop
 * decides in one place what to do about a code: the dispatcher, the retry of a transaction, the edge of the
 * server.
 */

/**
 * - `invalid-argument`: the caller passed something that can never work.
 * - `failed-precondition`: the request is valid, but not in the present state.
 * - `already-exists`, `not-found`: a row or a named thing exists, or does not.
 * - `conflict`: a concurrent transaction won; running again may work.
 * - `lease-lost`: another attempt has begun; nothing of this one may take effect.
 * - `unavailable`: the database or a service cannot be reached now.
 * - `misconfigured`: the database refuses us, and will do so until what the message names is corrected.
 * - `outcome-unknown`: the connection was lost during a commit, which may have landed.
 * - `schema-too-new`: the database was migrated by a newer version of postlude.
 * - `schema-too-old`: the database lacks migrations that this version needs.
 * - `unauthenticated`: it is not known who the caller is.
 * - `permission-denied`: the caller is known, but may not do this.
 * - `data-loss`: stored or received data is damaged.
 * - `resource-exhausted`: a limit was exceeded, or something is used up; the reason may say what.
 */
export type ErrorCode =
  | 'invalid-argument'
  | 'failed-precondition'
  | 'already-exists'
  | 'not-found'
  | 'conflict'
  | 'lease-lost'
  | 'unavailable'
  | 'misconfigured'
  | 'outcome-unknown'
  | 'schema-too-new'
  | 'schema-too-old'
  | 'unauthenticated'
  | 'permission-denied'
  | 'data-loss'
  | 'resource-exhausted';

/**
 * `disk-full`: the database's disk is full. Nothing was written; writes are accepted again when there is
 * room.
 */
export type ErrorReason = 'disk-full';

export interface CodedErrorOptions extends ErrorOptions {
  readonly reason?: ErrorReason | undefined;
}

/** An error with a code that callers may rely on. Its message says what to do, if that helps. */
export class CodedError extends Error {
  readonly code: ErrorCode;
  /** Distinguishes errors with the same code, if callers can act on the difference. */
  readonly reason: ErrorReason | undefined;

  constructor(code: ErrorCode, message: string, options: CodedErrorOptions = {}) {
    const { reason, ...rest } = options;
    super(message, rest);
    this.name = 'CodedError';
    this.code = code;
    this.reason = reason;
  }
}

/**
 * A task's handler throws this if no retry can help. The task becomes dead with this message as its reason,
 * and can be redriven.
 */
export class PermanentError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'PermanentError';
  }
}

/**
 * The handler of a pushed task throws this if the task is not worth doing any more. The task ends with a
 * warning, and does not count as a failure.
 */
export class IgnoredError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'IgnoredError';
  }
}

export function hasCode(error: unknown, ...codes: readonly ErrorCode[]): error is CodedError {
  return error instanceof CodedError && codes.includes(error.code);
}

/** Returns what was thrown as an Error, as JavaScript code can throw anything. */
export function toError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  return new Error(`non-error thrown: ${describe(thrown)}`, { cause: thrown });
}

function describe(thrown: unknown): string {
  try {
    return typeof thrown === 'string' ? thrown : (JSON.stringify(thrown) ?? String(thrown));
  } catch {
    return Object.prototype.toString.call(thrown);
  }
}
