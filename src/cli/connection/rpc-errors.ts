/** Describes errors of calls to a server, says what to do, and decides whether a retry may help. */
import { Code, ConnectError } from '@connectrpc/connect';
import { CliError, EXIT } from '../context.ts';

/** Returns a failure for the user, or `undefined` if `error` does not come from a call to the server. */
export function toRpcFailure(error: unknown): CliError | undefined {
  if (!(error instanceof ConnectError)) return undefined;
  const isBadInput = error.code === Code.InvalidArgument;
  const exitCode = isBadInput ? EXIT.badInput : EXIT.error;
  return new CliError(describe(error), exitCode, { cause: error });
}

function describe(error: ConnectError): string {
  if (isUnreachable(error)) {
    return `cannot reach the server: ${reasonOf(error)}\n  start one with "postlude serve", or name it with --server or POSTLUDE_SERVER`;
  }
  if (error.code === Code.DeadlineExceeded) {
    return 'the server did not answer in time\n  check it with "postlude doctor", or allow more time with --timeout or POSTLUDE_TIMEOUT';
  }
  if (error.code === Code.Unauthenticated) {
    return `${error.rawMessage}\n  set POSTLUDE_ID_TOKEN to an OIDC token that the server accepts`;
  }
  return error.rawMessage;
}

/** True if the same call may succeed a moment later. */
export function isTransientRpcError(error: unknown): boolean {
  if (!(error instanceof ConnectError)) return false;
  return TRANSIENT_CODES.includes(error.code) || LOST_CONNECTION.includes(systemCodeOf(error));
}

const TRANSIENT_CODES = [Code.Unavailable, Code.Aborted, Code.DeadlineExceeded];
/** The server went away mid-call. Safe to retry: only idempotent calls are ever retried. */
const LOST_CONNECTION = ['ECONNRESET', 'EPIPE'];

function isUnreachable(error: ConnectError): boolean {
  const isLost = LOST_CONNECTION.includes(systemCodeOf(error));
  return isLost || (error.code === Code.Unavailable && error.cause instanceof Error);
}

function systemCodeOf({ cause }: ConnectError): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : '';
}

function reasonOf(error: ConnectError): string {
  return error.cause instanceof Error ? error.cause.message : error.rawMessage;
}
