/**
 * Maps our errors to gRPC codes. This is the only place that knows both. Errors with a code are sent
 * unchanged, since callers can act on them. All others are faults of the server; their details go to
 * the log only.
 */
import { create, toBinary } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import {
  boundedText,
  CodedError,
  type ErrorCode,
  type ErrorReason,
} from '@postlude/queue/foundations';
import { RetryInfoSchema } from '../../gen/google/rpc/error_details_pb.js';
import { Refusal } from '../admission/refusal.ts';

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

/** What HTTP has for the codes, as google.rpc.Code says. */
export const HTTP_STATUS: Readonly<Record<Code, number>> = {
  [Code.Canceled]: 499,
  [Code.Unknown]: 500,
  [Code.InvalidArgument]: 400,
  [Code.DeadlineExceeded]: 504,
  [Code.NotFound]: 404,
  [Code.AlreadyExists]: 409,
  [Code.PermissionDenied]: 403,
  [Code.ResourceExhausted]: 429,
  [Code.FailedPrecondition]: 400,
  [Code.Aborted]: 409,
  [Code.OutOfRange]: 400,
  [Code.Unimplemented]: 501,
  [Code.Internal]: 500,
  [Code.Unavailable]: 503,
  [Code.DataLoss]: 500,
  [Code.Unauthenticated]: 401,
};

/** gRPC sends messages in a header, which clients limit to some kilobytes. */
const MAX_MESSAGE = 2_000;

/** What callers are told instead of details about our machines. */
const PRIVATE = new Map<ErrorCode, string>([
  ['unavailable', 'the service is temporarily unavailable; try again'],
  ['misconfigured', "the service is misconfigured; see the server's log"],
  ['schema-too-new', 'the service is being upgraded; try again'],
  ['schema-too-old', 'the service is being upgraded; try again'],
  ['data-loss', "stored data is damaged; see the server's log"],
]);

/** The header (in gRPC, the trailer) that distinguishes errors that share a code. */
const REASON_HEADER = 'error-reason';

/** These errors have messages that would name our folders. */
const BY_REASON: Readonly<Record<ErrorReason, string>> = {
  'disk-full': "the database's disk is full: nothing was written; try again once there is room",
};

export function isDiskFull(error: unknown): boolean {
  return error instanceof CodedError && error.reason === 'disk-full';
}

/** Returns the error for the caller. If the call's `signal` has aborted, the call was cancelled. */
export function toConnectError(error: unknown, signal: AbortSignal): ConnectError {
  if (error instanceof ConnectError) return error;
  if (error instanceof Refusal) return toRetryLater(error);
  if (error instanceof CodedError && error.reason !== undefined) {
    const { code, reason } = error;
    const metadata = { [REASON_HEADER]: reason };
    return new ConnectError(BY_REASON[reason], CODES[code], metadata, undefined, error);
  }
  if (error instanceof CodedError) {
    const message = PRIVATE.get(error.code) ?? boundedText(error.message, MAX_MESSAGE);
    return new ConnectError(message, CODES[error.code], undefined, undefined, error);
  }
  if (signal.aborted) return toAborted(signal.reason, error);
  return new ConnectError('internal error', Code.Internal, undefined, undefined, error);
}

/**
 * Tells after which time to try again: in a header, which gRPC sends as a trailer, and in the detail that
 * clients of Google's APIs look for.
 */
function toRetryLater(refusal: Refusal): ConnectError {
  const retryDelay = durationFromMs(Math.ceil(refusal.retryAfterMs));
  const metadata = { 'retry-after': String(Math.max(1, Math.ceil(refusal.retryAfterMs / 1000))) };
  const error = new ConnectError(
    refusal.message,
    CODES[refusal.code],
    metadata,
    undefined,
    refusal,
  );
  const value = toBinary(RetryInfoSchema, create(RetryInfoSchema, { retryDelay }));
  error.details.push({ type: RetryInfoSchema.typeName, value });
  return error;
}

/** The codes of faults that an operator has to look at, rather than mistakes of callers. */
export const FAULTS: ReadonlySet<string> = new Set(
  [Code.Internal, Code.Unknown, Code.DataLoss].map(codeName),
);

/** Returns the name of a code as Connect writes it, such as `not_found`. */
export function codeName(code: Code): string {
  return Code[code].replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
}

/** The signal's reason says whether the deadline passed, the caller disconnected, or the server stops. */
function toAborted(reason: unknown, cause: unknown): ConnectError {
  // Connect calls a connection that was reset aborted.
  if (reason instanceof ConnectError && reason.code !== Code.Aborted) return reason;
  return new ConnectError('the call was canceled', Code.Canceled, undefined, undefined, cause);
}
