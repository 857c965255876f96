/** What a driver throws, as an error with a code: by SQLSTATE, or by the system's error name. */
import { CodedError, type ErrorCode, toError } from '../../errors.ts';

/**
 * Class 08: connection exceptions. 57P01 to 57P05: the server is going or coming. 53300: too many
 * connections. 25P03 and 25P04: the session was ended for idling or for its length. 25006: the server has
 * become a read-only standby, and another one takes writes. 57014 is not
 * here: a cancelled statement says nothing about the next.
 */
const UNAVAILABLE = /^(08...|57P0[1-5]|53300|25P0[34]|25006)$/;

const SYSTEM_CODES =
  /^(ECONN|EPIPE$|ETIMEDOUT$|EHOSTUNREACH$|ENETUNREACH$|ENOTFOUND$|EAI_AGAIN$|ENOENT$)/;

/** Drivers' own words for a lost connection; they carry no SQLSTATE. */
const LOST =
  /connection terminated|connection ended|connection error and is not queryable|client was closed|CONNECTION_(CLOSED|ENDED|DESTROYED|CONNECT_TIMEOUT)|timeout exceeded when trying to connect|query read timeout/i;

const BY_STATE: ReadonlyMap<string, ErrorCode> = new Map([
  ['23505', 'already-exists'],
  ['23503', 'failed-precondition'],
  ['23502', 'invalid-argument'],
  ['23514', 'invalid-argument'],
  ['22021', 'invalid-argument'],
  ['22003', 'invalid-argument'],
  ['22001', 'invalid-argument'],
  ['40001', 'conflict'],
  ['40P01', 'conflict'],
  ['55P03', 'conflict'],
  ['53100', 'resource-exhausted'],
  ['53200', 'resource-exhausted'],
  ['54000', 'resource-exhausted'],
  ['XX001', 'data-loss'],
  ['XX002', 'data-loss'],
]);

/** The error with a code, or as it is where no caller could act on it. */
export function toStorageError(thrown: unknown): Error {
  if (thrown instanceof CodedError) return thrown;
  const error = toError(thrown);
  const code = errorCodeOf(error);
  return code === undefined ? error : new CodedError(code, error.message, { cause: error });
}

/**
 * Whether the answer to a COMMIT says for certain that it did not land: a conflict, or a deferred
 * constraint. Of anything else, such as a disk that fails under the log, it may have.
 */
export function isRefusedCommit(error: unknown): boolean {
  if (!(error instanceof CodedError)) return false;
  const cause: unknown = error.cause;
  if (cause === undefined) return error.code === 'conflict';
  const state = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  return /^(23|40)...$/.test(state);
}

function errorCodeOf(error: Error): ErrorCode | undefined {
  const state = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const known = BY_STATE.get(state);
  if (known) return known;
  const isUnavailable =
    UNAVAILABLE.test(state) || SYSTEM_CODES.test(state) || LOST.test(`${state} ${error.message}`);
  return isUnavailable ? 'unavailable' : undefined;
}
