/**
 * Errors that callers can act on carry a code; everything else is a bug or a fault of the machine.
 * What to do about a code is decided in one place per loop: the dispatcher, the retry of a
 * transaction, the edge of the server.
 */

/**
 * - `invalid-argument`: the caller passed something that can never work.
 * - `failed-precondition`: right in itself, but not in the present state.
 * - `already-exists`, `not-found`: of a row or a named thing.
 * - `conflict`: a concurrent transaction won; running again may work.
 * - `lease-lost`: another attempt has begun; nothing of this one may take effect.
 * - `unavailable`: the database or a service cannot be reached now.
 * - `misconfigured`: the database refuses us, and will until somebody corrects what the message names.
 * - `outcome-unknown`: the connection went while a commit was under way; it may have landed.
 * - `schema-too-new`: the database was migrated by a newer version of postlude.
 * - `schema-too-old`: the database lacks migrations that this version needs.
 * - `unauthenticated`, `permission-denied`: who the caller is, and what that one may do.
 * - `data-loss`: stored or received data is damaged.
 * - `resource-exhausted`: a limit was passed, or something is used up; the reason may say what.
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

/** `disk-full`: of the database. Nothing was written; writes are taken again once there is room. */
export type ErrorReason = 'disk-full';

export interface CodedErrorOptions extends ErrorOptions {
  readonly reason?: ErrorReason | undefined;
}

/** An error with a code that callers may rely on. Its message says what to do, where that helps. */
export class CodedError extends Error {
  readonly code: ErrorCode;
  /** Tells apart what one code stands for, where callers may act on that. */
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
 * Thrown by a task's handler: no retry can help. The task goes to the dead tasks with this
 * message as its reason, and can be redriven from there.
 */
export class PermanentError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'PermanentError';
  }
}

/**
 * Thrown by the handler of a pushed task: it is not worth doing any more. The task is dropped with
 * a warning, and counts as no failure.
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

/** What was thrown, as an Error: JavaScript lets people throw anything. */
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
