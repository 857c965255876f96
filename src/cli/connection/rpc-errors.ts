/** Errors of calls to a server: in words that say what to do, and whether trying again may help. */
import { Code, ConnectError } from '@connectrpc/connect';
import { CliError, EXIT } from '../context.ts';

/** What went wrong between here and the server; `undefined` where `error` is none of that. */
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
    return 'the server did not answer in time\n  see whether it is well with "postlude doctor", or give it longer with --timeout or POSTLUDE_TIMEOUT';
  }
  if (error.code === Code.Unauthenticated) {
    return `${error.rawMessage}\n  set POSTLUDE_ID_TOKEN to an OIDC token that the server accepts`;
  }
  return error.rawMessage;
}

/** True where the same call may succeed a moment later. */
export function isTransientRpcError(error: unknown): boolean {
  if (!(error instanceof ConnectError)) return false;
  return TRANSIENT_CODES.includes(error.code) || LOST_CONNECTION.includes(systemCodeOf(error));
}

const TRANSIENT_CODES = [Code.Unavailable, Code.Aborted, Code.DeadlineExceeded];
/** A server that went away in the middle of a call; all calls that are tried again may be. */
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
