/** Maps a driver's errors to errors with a code, by SQLSTATE or by the system's error name. */
import { CodedError, type ErrorCode, type ErrorReason, toError } from '../../foundations/errors.ts';

/**
 * Class 08: connection exceptions. 57P01 to 57P05: the server is stopping or starting. 53300: too many
 * connections. 25P03 and 25P04: the session was ended because it was idle or open for too long. 25006: the
 * server has become a read-only standby, and another one accepts writes. 57014: a statement was cancelled,
 * by its time limit or by an operator.
 */
const UNAVAILABLE = /^(08...|57P0[1-5]|57014|53300|25P0[34]|25006)$/;

/**
 * Class 28: authentication failed. 3D000: there is no such database. 42501: a privilege is missing. 26000
 * and 42P05: a prepared statement does not exist, or exists already.
 */
const MISCONFIGURED = /^(28...|3D000|42501|26000|42P05)$/;

/** A schema, table, column or function does not exist: not all migrations have been applied. */
const SCHEMA_TOO_OLD = /^(3F000|42P01|42703|42883)$/;

const SYSTEM_CODES =
  /^(ECONN|EPIPE$|ETIMEDOUT$|EHOSTUNREACH$|ENETUNREACH$|ENOTFOUND$|EAI_AGAIN$|ENOENT$)/;

/** The drivers' own messages for a lost connection, which have no SQLSTATE. */
const LOST =
  /connection terminated|connection ended|connection error and is not queryable|client was closed|CONNECTION_(CLOSED|ENDED|DESTROYED|CONNECT_TIMEOUT)|timeout exceeded when trying to connect|timeout expired|query read timeout/i;

const SILENT = /query read timeout/i;

const BY_STATE: ReadonlyMap<string, ErrorCode> = new Map([
  ['23505', 'already-exists'],
  ['23503', 'failed-precondition'],
  ['23502', 'invalid-argument'],
  ['23514', 'invalid-argument'],
  ['22021', 'invalid-argument'],
  ['22003', 'invalid-argument'],
  ['22001', 'invalid-argument'],
  ['40001', 'conflict'],
  ['40003', 'outcome-unknown'],
  ['40P01', 'conflict'],
  ['55P03', 'conflict'],
  ['25P02', 'failed-precondition'],
  ['53000', 'resource-exhausted'],
  ['53100', 'resource-exhausted'],
  ['53200', 'resource-exhausted'],
  ['53400', 'resource-exhausted'],
  ['54000', 'resource-exhausted'],
  ['XX001', 'data-loss'],
  ['XX002', 'data-loss'],
]);

const MIGRATE =
  'if it is one of postlude’s own, run `postlude migrate`, or call `migrate()` of the database';
const POOLER =
  'if a pooler in between does not support prepared statements, set `preparedStatements` to false';

/** What to do about errors whose message from the server does not say it. */
const ADVICE: ReadonlyMap<string, string> = new Map([
  ['25P02', 'an earlier statement has failed; roll the transaction back'],
  ['25P03', 'the transaction was idle for longer than the server allows; try again'],
  ['26000', POOLER],
  ['28000', 'correct the user, the password or pg_hba.conf'],
  ['28P01', 'correct the password'],
  ['3D000', 'create it, or correct the name'],
  ['3F000', MIGRATE],
  ['42501', 'grant it to the user that postlude connects as'],
  ['42703', MIGRATE],
  ['42883', MIGRATE],
  ['42P01', MIGRATE],
  ['42P05', POOLER],
  ['53300', 'raise max_connections of the server, or let each process open fewer connections'],
  ['55P03', 'another transaction holds the lock; try again'],
  [
    '57014',
    'it took longer than its limit, or was cancelled by an operator; try again, or raise the limit',
  ],
]);

/** Returns the error with a code, or unchanged if no caller could act on it. */
export function toStorageError(thrown: unknown): Error {
  if (thrown instanceof CodedError) return thrown;
  const error = toError(thrown);
  const code = errorCodeOf(error);
  if (code === undefined) return error;
  return new CodedError(code, wordsOf(error), { cause: error, reason: reasonOf(error) });
}

/** Whether the connection was closed because the server had fallen silent. */
export function isSilence(error: unknown): boolean {
  return error instanceof CodedError && SILENT.test(toError(error.cause).message);
}

function wordsOf(error: Error): string {
  if (SILENT.test(error.message)) {
    return 'nothing was heard of PostgreSQL within the limit of a statement: the connection was closed';
  }
  const advice = ADVICE.get(sqlStateOf(error));
  return advice === undefined ? error.message : `${error.message}; ${advice}`;
}

/**
 * Whether an error of a COMMIT says for certain that it did not land: a conflict, or a deferred constraint.
 * After any other, such as a disk that fails under the log, it may have landed.
 */
export function isRefusedCommit(error: unknown): boolean {
  if (!(error instanceof CodedError)) return false;
  const cause: unknown = error.cause;
  if (cause === undefined) return error.code === 'conflict';
  const state = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  return /^(23|40)...$/.test(state);
}

/**
 * Whether the server gave a reason for the failure, other than that it stops or that the connection is
 * lost.
 */
export function isOwnReason(error: Error): boolean {
  return error instanceof CodedError ? error.code !== 'unavailable' : 'severity' in error;
}

/** 53100: the disk of the server, or of the embedded database. */
function reasonOf(error: Error): ErrorReason | undefined {
  return sqlStateOf(error) === '53100' ? 'disk-full' : undefined;
}

function errorCodeOf(error: Error): ErrorCode | undefined {
  const state = sqlStateOf(error);
  const known = BY_STATE.get(state);
  if (known) return known;
  if (MISCONFIGURED.test(state)) return 'misconfigured';
  if (SCHEMA_TOO_OLD.test(state)) return 'schema-too-old';
  const isUnavailable =
    UNAVAILABLE.test(state) || SYSTEM_CODES.test(state) || LOST.test(`${state} ${error.message}`);
  return isUnavailable ? 'unavailable' : undefined;
}

/** Returns the SQLSTATE, or the name of a system's error, which drivers put into the same property. */
function sqlStateOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}
