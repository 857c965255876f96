/**
 * Turns the errors of Google's clients into those that the exporter acts on:
 *
 * - `resource-exhausted`: a quota is used up, and there is hope that it will be granted again.
 * - `permission-denied`, `not-found`, `invalid-argument`: no retry can help until somebody changes something.
 * - `already-exists`, `conflict`: what was to be created exists; what was to be changed has changed.
 * - `unavailable`: anything else, which may pass.
 */
import {
  CodedError,
  type ErrorCode,
  type GrpcStatus,
  grpcStatusOf,
  toError,
} from '@postlude/queue/foundations';

interface HttpError extends Error {
  readonly code?: unknown;
  readonly errors?: readonly { readonly reason?: string; readonly message?: string }[];
}

/** https://cloud.google.com/bigquery/docs/error-messages */
const REASONS: Readonly<Record<string, ErrorCode>> = {
  accessDenied: 'permission-denied',
  billingNotEnabled: 'permission-denied',
  billingTierLimitExceeded: 'permission-denied',
  quotaExceeded: 'resource-exhausted',
  rateLimitExceeded: 'resource-exhausted',
  backendError: 'unavailable',
  internalError: 'unavailable',
};

/** Reasons of jobs that failed; those that are missing may pass. */
const JOB_REASONS: Readonly<Record<string, ErrorCode>> = {
  ...REASONS,
  invalid: 'invalid-argument',
  invalidQuery: 'invalid-argument',
  jobRateLimitExceeded: 'resource-exhausted',
  resourcesExceeded: 'resource-exhausted',
};

/** A statement that lost against another one on the same table has this text, and the reason `invalidQuery`. */
const CONFLICT = /could not serialize access|concurrent update|aborted/i;
/** Rows of `insertAll` cannot be changed before they leave this buffer, which takes up to 90 minutes. */
const STREAMING_BUFFER = /streaming buffer/i;

const HTTP_CODES: Readonly<Record<number, ErrorCode>> = {
  400: 'invalid-argument',
  403: 'permission-denied',
  404: 'not-found',
  409: 'already-exists',
  412: 'conflict',
  413: 'invalid-argument',
  429: 'resource-exhausted',
};

/** `action` says what failed: `read the table acme.tests.results`. */
export function fromHttpError(thrown: unknown, action: string): CodedError {
  const error = toError(thrown) as HttpError;
  const reason = error.errors?.map((one) => REASONS[one.reason ?? '']).find(Boolean);
  const code = reason ?? HTTP_CODES[Number(error.code)] ?? 'unavailable';
  return coded(code, action, error);
}

export interface JobError {
  readonly reason?: string;
  readonly message?: string;
}

/** `failed-precondition`: it would change rows that cannot be changed yet. */
export function fromJobError({ reason = '', message = reason }: JobError): CodedError {
  const cause = new Error(message);
  return coded(jobCode(reason, message), 'run a job', cause);
}

function jobCode(reason: string, message: string): ErrorCode {
  if (STREAMING_BUFFER.test(message)) return 'failed-precondition';
  if (CONFLICT.test(message)) return 'unavailable';
  return JOB_REASONS[reason] ?? 'unavailable';
}

const GRPC_CODES: Readonly<Partial<Record<GrpcStatus, ErrorCode>>> = {
  'invalid-argument': 'invalid-argument',
  'not-found': 'not-found',
  'already-exists': 'already-exists',
  'permission-denied': 'permission-denied',
  'resource-exhausted': 'resource-exhausted',
};

export function fromGrpcError(thrown: unknown, action: string): CodedError {
  const status = grpcStatusOf(thrown);
  return coded((status && GRPC_CODES[status]) ?? 'unavailable', action, toError(thrown));
}

function coded(code: ErrorCode, action: string, cause: Error): CodedError {
  return new CodedError(code, `BigQuery: cannot ${action}: ${cause.message}`, { cause });
}
