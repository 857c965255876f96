/** Errors of S3 as the exporter sees them. */
import { CodedError, toError } from '@postlude/queue/foundations';

interface S3Error extends Error {
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** What only the owner of the bucket can mend, and how. The export is tried again all the same. */
const ADVICE: Readonly<Record<string, string>> = {
  AccessDenied: 'grant s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload',
  CredentialsProviderError: 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a role',
  ExpiredToken: 'renew the credentials',
  InvalidAccessKeyId: 'correct the credentials',
  NoSuchBucket: 'create the bucket, or correct its name',
  PermanentRedirect: 'set the region of the bucket',
  RequestTimeTooSkewed: "set this machine's clock",
  SignatureDoesNotMatch: 'correct the credentials',
};

export function isStatus(error: unknown, ...statuses: readonly number[]): boolean {
  const status = error instanceof Error ? (error as S3Error).$metadata?.httpStatusCode : undefined;
  return status !== undefined && statuses.includes(status);
}

/** 409 is returned while another conditional write of the same object is running. */
export function isConflict(error: unknown): boolean {
  return isStatus(error, 409, 412);
}

/** Also if there was an object to be replaced, and it is gone. */
export function isMissing(error: unknown): boolean {
  return isStatus(error, 404) && !isNamed(error, 'NoSuchBucket');
}

export function isNoSuchUpload(error: unknown): boolean {
  return isNamed(error, 'NoSuchUpload');
}

/** Returns an error that names the object, and says what to do if that is known. */
export function explainS3(error: unknown, location: string): Error {
  const cause = toError(error);
  const name = isStatus(error, 403) && !(cause.name in ADVICE) ? 'AccessDenied' : cause.name;
  const advice = ADVICE[name];
  const code = advice === undefined ? 'unavailable' : 'misconfigured';
  const said = cause.message === '' || cause.message === 'UnknownError' ? name : cause.message;
  const suffix = advice === undefined ? '' : `: ${advice}`;
  return new CodedError(code, `${location}: ${said}${suffix}`, { cause });
}

function isNamed(error: unknown, name: string): boolean {
  return error instanceof Error && error.name === name;
}
