/**
 * Our errors as gRPC codes: the only place that knows both. Errors with a code are the caller's to
 * act on and go out as they are; all else is a fault of ours, whose details stay in the log.
 */
import { Code, ConnectError } from '@connectrpc/connect';
import { CodedError, type ErrorCode, type ErrorReason } from '../../errors.ts';

const CODES: Readonly<Record<ErrorCode, Code>> = {
  'invalid-argument': Code.InvalidArgument,
  'not-found': Code.NotFound,
  'already-exists': Code.AlreadyExists,
  'permission-denied': Code.PermissionDenied,
  'resource-exhausted': Code.ResourceExhausted,
  'failed-precondition': Code.FailedPrecondition,
  conflict: Code.Aborted,
  'lease-lost': Code.Aborted,
  unavailable: Code.Unavailable,
  misconfigured: Code.Internal,
  'schema-too-new': Code.Unavailable,
  'schema-too-old': Code.Unavailable,
  'data-loss': Code.DataLoss,
  unauthenticated: Code.Unauthenticated,
  'outcome-unknown': Code.Unknown,
};

/** Whose details callers must not see: they are about our machines. */
const PRIVATE = new Map<ErrorCode, string>([
  ['unavailable', 'the service cannot do this now; try again'],
  ['misconfigured', 'the service is not set up rightly; see the log of the server'],
  ['schema-too-new', 'the service is being upgraded; try again'],
  ['schema-too-old', 'the service is being upgraded; try again'],
  ['data-loss', 'stored data is damaged; see the log of the server'],
]);

/** The header (in gRPC, the trailer) that tells apart what one code stands for. */
const REASON_HEADER = 'error-reason';

/** Their messages would name our folders. */
const BY_REASON: Readonly<Record<ErrorReason, string>> = {
  'disk-full':
    'the disk of the database is full: nothing was written; try again once there is room',
};

/** What a caller is told. `signal` is the call's: what fails after it aborted was given up. */
export function toConnectError(error: unknown, signal: AbortSignal): ConnectError {
  if (error instanceof ConnectError) return error;
  if (error instanceof CodedError && error.reason !== undefined) {
    const { code, reason } = error;
    const metadata = { [REASON_HEADER]: reason };
    return new ConnectError(BY_REASON[reason], CODES[code], metadata, undefined, error);
  }
  if (error instanceof CodedError) {
    const message = PRIVATE.get(error.code) ?? error.message;
    return new ConnectError(message, CODES[error.code], undefined, undefined, error);
  }
  if (signal.aborted) return toAborted(signal.reason, error);
  return new ConnectError('internal error', Code.Internal, undefined, undefined, error);
}

/** Where somebody has to look: faults of ours, rather than mistakes of callers. */
export const FAULTS: ReadonlySet<string> = new Set(
  [Code.Internal, Code.Unknown, Code.DataLoss].map(codeName),
);

/** `not_found`, as Connect writes codes. */
export function codeName(code: Code): string {
  return Code[code].replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
}

/** The reason says whether the deadline passed, the caller went away, or the server stops. */
function toAborted(reason: unknown, cause: unknown): ConnectError {
  if (reason instanceof ConnectError) return reason;
  return new ConnectError('the call was canceled', Code.Canceled, undefined, undefined, cause);
}
