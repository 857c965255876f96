/** The error of a submit that failed, and what gRPC's status codes mean for one. */
import { CodedError, toError } from '../../foundations/errors.ts';
import { type GrpcStatus, grpcStatusOf } from '../../foundations/grpc/grpc-status.ts';

/** A submit that failed. Any other error counts as transient. */
export class SubmitError extends Error {
  /** Whether the same request may work later. */
  readonly isTransient: boolean;
  /** The code for metrics: that of gRPC, or a word. */
  readonly code: string;

  constructor(
    message: string,
    options: ErrorOptions & { readonly isTransient: boolean; readonly code: string },
  ) {
    super(message, options);
    this.name = 'SubmitError';
    this.isTransient = options.isTransient;
    this.code = options.code;
  }
}

/** After these, the same request may work later: the service is not well, or has too much to do. */
const TRANSIENT: ReadonlySet<GrpcStatus> = new Set<GrpcStatus>([
  'cancelled',
  'unknown',
  'deadline-exceeded',
  'resource-exhausted',
  'internal',
  'unavailable',
]);

/** Turns an error of a gRPC client into a SubmitError. `hint` says what to do about it. */
export function toSubmitError(thrown: unknown, hint?: string): SubmitError {
  const error = toError(thrown);
  const code = grpcStatusOf(thrown) ?? 'unknown';
  return new SubmitError(hint === undefined ? error.message : `${error.message}: ${hint}`, {
    isTransient: TRANSIENT.has(code),
    code,
    cause: error,
  });
}

/** Waits for a look-up. Throws `not-found` with `message` if it finds nothing. */
export async function checkFound(lookUp: Promise<unknown>, message: string): Promise<void> {
  try {
    await lookUp;
  } catch (cause) {
    if (grpcStatusOf(cause) !== 'not-found') throw toSubmitError(cause);
    throw new CodedError('not-found', message, { cause });
  }
}
