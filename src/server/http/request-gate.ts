/**
 * Decides from its headers alone whether a call goes on, and when: it runs before any byte of the body is
 * read. What may be done to which invocation is decided later, by the methods.
 */
import type { HandlerContext } from '@connectrpc/connect';
import { CodedError } from '@postlude/queue/foundations';
import { hasExpired } from '@postlude/queue/oidc';
import {
  ALSO_TOKEN_METHODS,
  requireAnyUpdateToken,
  TOKEN_METHODS,
  type UpdateTokens,
} from '../../services/recorder/update-token.ts';
import { UPDATE_TOKEN_HEADER } from '../../services/shared/call-context.ts';
import type { Admission, AdmittedCall } from '../admission/admission.ts';
import { addressParty, identityParty, type Party, realmParty } from '../admission/party.ts';
import { ANONYMOUS, type Authenticate } from './auth.ts';
import { failCall, type RpcCall, rpcCallKey, stopping } from './rpc-call.ts';
import { headerValues } from './rpc-service.ts';

export interface RequestGateOptions {
  readonly authenticate: Authenticate;
  readonly updateTokens: Pick<UpdateTokens, 'invocationOf' | 'realmOf'>;
  /** Whether a caller without any token has a permission in any realm. */
  readonly isAnonymousGranted: boolean;
  readonly admission: Pick<Admission, 'enter'>;
  /** No more than this is read of a body, whatever size its client announces. */
  readonly maxRequestBytes: number;
  /** Aborts when the server begins to stop: calls that wait for their turn then end. */
  readonly draining: AbortSignal;
}

/** What the gate looks at. */
type Asked = Pick<HandlerContext, 'requestHeader' | 'signal'>;

/** Throws a ConnectError if the call is refused. */
export async function passGate(
  context: HandlerContext,
  options: RequestGateOptions,
): Promise<void> {
  await admitCall(context, context.values.get(rpcCallKey), options);
}

/** Sets the caller, and what has been admitted. Throws a ConnectError if the call is refused. */
export async function admitCall(
  asked: Asked,
  call: RpcCall,
  options: RequestGateOptions,
): Promise<void> {
  try {
    call.caller = await identify(asked, call, options.authenticate);
    requireSomeRight(asked, call, options);
    call.admitted = await letIn(asked, call, options);
  } catch (error) {
    throw failCall(call, error, asked.signal);
  }
}

/**
 * A test run may outlive the bearer token of its job. Such a method requires only the update token, and
 * a caller without a bearer token is anonymous as well, so this grants nothing new.
 */
async function identify(
  { requestHeader }: Asked,
  { method }: RpcCall,
  authenticate: Authenticate,
): Promise<string> {
  try {
    return await authenticate(requestHeader.get('authorization'));
  } catch (error) {
    const isByToken = TOKEN_METHODS.has(method) && requestHeader.has(UPDATE_TOKEN_HEADER);
    if (hasExpired(error) && isByToken) return ANONYMOUS;
    throw error;
  }
}

function requireSomeRight(
  { requestHeader }: Asked,
  { caller, method }: RpcCall,
  { isAnonymousGranted, updateTokens }: RequestGateOptions,
): void {
  const isByToken = TOKEN_METHODS.has(method);
  if (isByToken || ALSO_TOKEN_METHODS.has(method)) {
    // Which invocation the call is about is known only once its body is decoded.
    requireAnyUpdateToken(updateTokens, headerValues(requestHeader.get(UPDATE_TOKEN_HEADER)));
  }
  if (isByToken) return;
  if (caller !== ANONYMOUS || isAnonymousGranted) return;
  const problem = `caller ${caller} does not have any permission: send a bearer token`;
  throw new CodedError('permission-denied', problem);
}

async function letIn(
  { requestHeader, signal }: Asked,
  call: RpcCall,
  { admission, draining, maxRequestBytes, updateTokens }: RequestGateOptions,
): Promise<AdmittedCall> {
  const { address, caller, method } = call;
  const token = requestHeader.get(UPDATE_TOKEN_HEADER);
  const realm = token === null ? undefined : updateTokens.realmOf(token);
  call.party = partyOf(caller, realm, address);
  const length = requestHeader.get('content-length');
  const wasStopping = draining.aborted; // What arrives later is served if there is room.
  try {
    return await admission.enter({
      method,
      realm,
      signal: wasStopping ? signal : AbortSignal.any([signal, draining]),
      party: call.party,
      bytes: length === null ? undefined : Math.min(Number(length), maxRequestBytes),
    });
  } catch (error) {
    throw draining.aborted && !wasStopping && !signal.aborted ? stopping(error) : error;
  }
}

function partyOf(caller: string, realm: string | undefined, address: string): Party {
  if (caller !== ANONYMOUS) return identityParty(caller);
  return realm === undefined ? addressParty(address) : realmParty(realm);
}
