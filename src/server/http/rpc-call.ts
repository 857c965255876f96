/** One call of an RPC: what is known of it from its headers to its last byte, for log and metrics. */
import { createContextKey } from '@connectrpc/connect';
import { ANONYMOUS } from './auth.ts';

export interface RpcCall {
  /** `luci.resultdb.v1.Recorder/CreateInvocation`. */
  readonly method: string;
  caller: string;
  /** Why it failed, with all details: for the log. */
  error?: unknown;
  /** As in Connect's errors, `ok` where it succeeded; unknown where no method was reached. */
  code?: string;
}

/** Carries the call from the routes through Connect to the method. */
export const rpcCallKey = createContextKey<RpcCall>({ method: '', caller: ANONYMOUS });
