/** gRPC's status codes, by name. */

/** The position of each name is its number on the wire. */
const NAMES = [
  'ok',
  'cancelled',
  'unknown',
  'invalid-argument',
  'deadline-exceeded',
  'not-found',
  'already-exists',
  'permission-denied',
  'resource-exhausted',
  'failed-precondition',
  'aborted',
  'out-of-range',
  'unimplemented',
  'internal',
  'unavailable',
  'data-loss',
  'unauthenticated',
] as const;

export type GrpcStatus = (typeof NAMES)[number];

/** The status of an error that a gRPC client threw; `undefined` if a gRPC client did not throw it. */
export function grpcStatusOf(error: unknown): GrpcStatus | undefined {
  const isCoded = typeof error === 'object' && error !== null && 'code' in error;
  return isCoded && typeof error.code === 'number' ? NAMES[error.code] : undefined;
}
