/** What gRPC's status codes mean for a submit. */
import { CodedError, toError } from '../../errors.ts';
import { type GrpcStatus, grpcStatusOf } from '../../grpc-status.ts';
import { SubmitError } from './submitter.ts';

/** Of these, the same request may work later: the service is not well, or has too much to do. */
const TRANSIENT: ReadonlySet<GrpcStatus> = new Set<GrpcStatus>([
  'cancelled',
  'unknown',
  'deadline-exceeded',
  'resource-exhausted',
  'internal',
  'unavailable',
]);

/** `hint` says what to do about it. */
export function toSubmitError(thrown: unknown, hint?: string): SubmitError {
  const error = toError(thrown);
  const code = grpcStatusOf(thrown) ?? 'unknown';
  return new SubmitError(hint === undefined ? error.message : `${error.message}: ${hint}`, {
    isTransient: TRANSIENT.has(code),
    code,
    cause: error,
  });
}

/** Waits for a look-up; where that finds nothing, throws `not-found` with `message`. */
export async function checkFound(lookUp: Promise<unknown>, message: string): Promise<void> {
  try {
    await lookUp;
  } catch (cause) {
    if (grpcStatusOf(cause) !== 'not-found') throw toSubmitError(cause);
    throw new CodedError('not-found', message, { cause });
  }
}
