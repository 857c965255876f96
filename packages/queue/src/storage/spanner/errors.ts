/** Maps the client library's errors to errors with a code, by their gRPC status. */
import { CodedError, type ErrorCode, toError } from '../../foundations/errors.ts';
import { type GrpcStatus, grpcStatusOf } from '../../foundations/grpc/grpc-status.ts';

const CODES: ReadonlyMap<GrpcStatus, ErrorCode> = new Map([
  ['cancelled', 'unavailable'],
  ['deadline-exceeded', 'unavailable'],
  ['not-found', 'not-found'],
  ['already-exists', 'already-exists'],
  ['permission-denied', 'permission-denied'],
  ['resource-exhausted', 'resource-exhausted'],
  ['failed-precondition', 'failed-precondition'],
  ['aborted', 'conflict'],
  ['unavailable', 'unavailable'],
  ['data-loss', 'data-loss'],
  ['unauthenticated', 'unauthenticated'],
]);

/** INTERNAL can also mean that a connection broke; only its message tells. */
const BROKEN = /RST_STREAM|unexpected EOS|stream terminated|Connection (reset|closed|dropped)/i;

/** For a commit, these mean that the caller's row is at fault, and not our SQL. */
const COMMIT_CODES: ReadonlyMap<GrpcStatus, ErrorCode> = new Map([
  ['invalid-argument', 'invalid-argument'],
  ['failed-precondition', 'invalid-argument'],
]);

/** Returns the error with a code, or unchanged if no caller could act on it. */
export function toStorageError(thrown: unknown): Error {
  if (thrown instanceof CodedError) return thrown;
  const error = toError(thrown);
  const code = errorCodeOf(error);
  if (code === undefined) return error;
  return new CodedError(code, wordsOf(error), { cause: error });
}

/** Does the same for an error of a commit. */
export function toCommitError(thrown: unknown): Error {
  const error = toError(thrown);
  const status = grpcStatusOf(error);
  const code = status === undefined ? undefined : COMMIT_CODES.get(status);
  if (code === undefined) return toStorageError(error);
  const isTooLarge = /too many mutations|too large|exceeds the maximum/i.test(error.message);
  return new CodedError(isTooLarge ? 'resource-exhausted' : code, wordsOf(error), { cause: error });
}

/** After these, it is not known whether the server did what it was asked. */
const UNCERTAIN: ReadonlySet<GrpcStatus> = new Set<GrpcStatus>([
  'unavailable',
  'deadline-exceeded',
  'internal',
  'unknown',
  'cancelled',
]);

/** Whether a call that failed with this error may have taken effect all the same. */
export function mayHaveLanded(error: unknown): boolean {
  const status = grpcStatusOf(causeOf(error));
  return status !== undefined && UNCERTAIN.has(status);
}

/** Whether the network or the server broke off the call. Another call may succeed at once. */
export function isBroken(error: unknown): boolean {
  const cause = causeOf(error);
  const status = grpcStatusOf(cause);
  if (status === 'internal') return BROKEN.test(toError(cause).message);
  return status === 'unavailable';
}

/** Whether the session was deleted, because it expired or by an operator. A new one works. */
export function isSessionLost(error: unknown): boolean {
  const cause = causeOf(error);
  return grpcStatusOf(cause) === 'not-found' && /session not found/i.test(toError(cause).message);
}

/** Whether the server, for example an emulator, does not implement the call. */
export function isUnimplemented(error: unknown): boolean {
  return grpcStatusOf(causeOf(error)) === 'unimplemented';
}

/** Returns how long the server asks to wait before an aborted transaction is run again. */
export function retryDelayMs(error: unknown): number | undefined {
  const cause = causeOf(error);
  if (!isRecord(cause) || !isRecord(cause.metadata)) return undefined;
  const { metadata } = cause;
  if (typeof metadata.get !== 'function') return undefined;
  const [info] = metadata.get('google.rpc.retryinfo-bin') as unknown[];
  return info instanceof Uint8Array ? decodeRetryInfo(info) : undefined;
}

/** RetryInfo has a Duration in field 1, with seconds in its field 1 and nanoseconds in its field 2. */
function decodeRetryInfo(info: Uint8Array): number | undefined {
  if (info[0] !== 0x0a) return undefined;
  let ms = 0;
  for (let at = 2; at < info.length; ) {
    const field = info[at++];
    let value = 0;
    let scale = 1;
    for (let more = true; more && at < info.length; scale *= 128) {
      const byte = info[at++] ?? 0;
      value += (byte & 0x7f) * scale;
      more = byte >= 0x80;
    }
    if (field === 0x08) ms += value * 1000;
    else if (field === 0x10) ms += value / 1_000_000;
    else return undefined;
  }
  return ms;
}

function errorCodeOf(error: Error): ErrorCode | undefined {
  const status = grpcStatusOf(error);
  if (status === undefined) return undefined;
  if (isSessionLost(error)) return 'unavailable';
  if (isBroken(error)) return 'unavailable';
  return CODES.get(status);
}

function causeOf(error: unknown): unknown {
  return error instanceof CodedError ? error.cause : error;
}

/** Removes the status with which gRPC's messages begin: `5 NOT_FOUND: Database not found: …`. */
function wordsOf(error: Error): string {
  const words = error.message.replace(/^\d+ [A-Z_]+: /, '').replace(/\.? Resolution note: $/, '');
  return words === '' ? 'Spanner gave no reason' : words;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
