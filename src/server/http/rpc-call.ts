/** One call of an RPC, as logs and metrics describe it. */
import { Code, ConnectError, createContextKey } from '@connectrpc/connect';
import type { AdmittedCall } from '../admission/admission.ts';
import type { CallerScope } from '../admission/caller-scope.ts';
import { ANONYMOUS } from './auth.ts';
import { codeName, toConnectError } from './error-mapping.ts';

export interface RpcCall extends CallerScope {
  /** `luci.resultdb.v1.Recorder/CreateInvocation`. */
  readonly method: string;
  caller: string;
  /** Where the request comes from (client-address.ts). */
  readonly address: string;
  /** Set once the call was let in. */
  admitted?: AdmittedCall;
  /** True once the request was decoded and its method was called. */
  isReached?: boolean;
  /** The error with all details, for the log. */
  error?: unknown;
  /** A code as in Connect's errors; `ok` if the call succeeded; `undefined` if no method was reached. */
  code?: string;
}

/** The context key under which Connect carries the call from the routes to the method. */
export const rpcCallKey = createContextKey<RpcCall>({ method: '', caller: ANONYMOUS, address: '' });

/** Records why a call failed. Returns the error for the caller. */
export function failCall(call: RpcCall, error: unknown, signal: AbortSignal): ConnectError {
  const told = toConnectError(error, signal);
  call.code = codeName(told.code);
  call.error = error;
  return told;
}

/** What a call is told that ends because the server stops. */
export function stopping(cause?: unknown): ConnectError {
  const message = 'the server is stopping; try again';
  return new ConnectError(message, Code.Unavailable, undefined, undefined, cause);
}
