/** Errors of Google Cloud Storage as the exporter sees them. */
import { CodedError, toError } from '@postlude/queue/foundations';

/** What only the owner of the bucket can mend, and how. The export is tried again all the same. */
const ADVICE: ReadonlyMap<number, string> = new Map([
  [401, 'correct the credentials (GOOGLE_APPLICATION_CREDENTIALS, or a service account)'],
  [403, 'grant the role roles/storage.objectUser on the bucket'],
  [404, 'create the bucket, or correct its name'],
]);

export function isStatus(error: unknown, ...statuses: readonly number[]): boolean {
  return statuses.includes(statusOf(error));
}

/** Returns an error that names the object, and says what to do if that is known. */
export function explainGcs(error: unknown, location: string): Error {
  const cause = toError(error);
  const advice = ADVICE.get(statusOf(error)) ?? adviceWithoutStatus(cause);
  const code = advice === undefined ? 'unavailable' : 'misconfigured';
  const suffix = advice === undefined ? '' : `: ${advice}`;
  return new CodedError(code, `${location}: ${cause.message}${suffix}`, { cause });
}

/** Errors of uploads have a text in place of the number. */
function statusOf(error: unknown): number {
  if (!(error instanceof Error)) return Number.NaN;
  const { code, status } = error as { readonly code?: unknown; readonly status?: unknown };
  return Number(code ?? status);
}

function adviceWithoutStatus({ message }: Error): string | undefined {
  return /default credentials/.test(message) ? ADVICE.get(401) : undefined;
}
