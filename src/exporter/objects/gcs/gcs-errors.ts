/** Errors of Google Cloud Storage as the exporter sees them. */
import { CodedError, toError } from '@postlude/queue/foundations';

/** A response of the service that tells of a failure. */
export class GcsError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'GcsError';
    this.status = status;
  }
}

/** What only the owner of the bucket can mend, and how. The export is tried again all the same. */
const ADVICE: ReadonlyMap<number, string> = new Map([
  [401, 'correct the credentials (GOOGLE_APPLICATION_CREDENTIALS, or a service account)'],
  [403, 'grant the role roles/storage.objectUser on the bucket'],
  [404, 'create the bucket, or correct its name'],
]);

export function isStatus(error: unknown, ...statuses: readonly number[]): boolean {
  return statuses.includes(statusOf(error));
}

/** Whether sending the same again may help. Errors without a status are those of connections. */
export function isTransient(error: unknown): boolean {
  const status = statusOf(error);
  return Number.isNaN(status) || status === 408 || status === 429 || status >= 500;
}

/** Returns an error that names the object, and says what to do if that is known. */
export function explainGcs(error: unknown, location: string): Error {
  const cause = toError(error);
  const advice = ADVICE.get(statusOf(error)) ?? adviceWithoutStatus(cause);
  const code = advice === undefined ? 'unavailable' : 'misconfigured';
  const suffix = advice === undefined ? '' : `: ${advice}`;
  return new CodedError(code, `${location}: ${cause.message}${suffix}`, { cause });
}

function statusOf(error: unknown): number {
  if (!(error instanceof Error)) return Number.NaN;
  const { code, status } = error as { readonly code?: unknown; readonly status?: unknown };
  return Number(status ?? code);
}

function adviceWithoutStatus({ message }: Error): string | undefined {
  return /default credentials/.test(message) ? ADVICE.get(401) : undefined;
}
