import { ConnectError, createContextValues, type HandlerContext } from '@connectrpc/connect';
import { CodedError } from '@postlude/queue/foundations';
import { expect, test } from 'vitest';
import { admit } from './admission.ts';
import { ANONYMOUS } from './auth.ts';
import { type RpcCall, rpcCallKey } from './rpc-call.ts';

const USER = 'user:a@example.com';
const BY_TOKEN = 'luci.resultdb.v1.Recorder/BatchCreateTestResults';
const BY_GRANT = 'luci.resultdb.v1.ResultDB/GetInvocation';

/** Returns the caller, or the code of the refusal. */
async function outcome(method: string, headers: Record<string, string>): Promise<string> {
  const call: RpcCall = { method, caller: ANONYMOUS };
  const values = createContextValues().set(rpcCallKey, call);
  const requestHeader = new Headers(headers);
  const { signal } = new AbortController();
  const context = { values, requestHeader, signal } as unknown as HandlerContext;
  const authenticate = async (header: string | null): Promise<string> => {
    if (header === 'bad') throw new CodedError('unauthenticated', 'bad token');
    return header === null ? ANONYMOUS : USER;
  };
  try {
    await admit(context, { authenticate, isAnonymousGranted: false });
    return call.caller;
  } catch (error) {
    expect(error).toBeInstanceOf(ConnectError);
    return call.code ?? '';
  }
}

test.each([
  ['a caller with a bearer token', BY_GRANT, { authorization: 'good' }, USER],
  ['a caller with a bad one', BY_GRANT, { authorization: 'bad' }, 'unauthenticated'],
  ['a caller without any token', BY_GRANT, {}, 'permission_denied'],
  [
    'an update token where it is not needed',
    BY_GRANT,
    { 'update-token': 'x' },
    'permission_denied',
  ],
  ['an update token', BY_TOKEN, { 'update-token': 'x' }, ANONYMOUS],
  ['no update token', BY_TOKEN, {}, 'unauthenticated'],
  ['a bearer token but no update token', BY_TOKEN, { authorization: 'good' }, 'unauthenticated'],
])('%s: %s with %o is %s', async (_what, method, headers, expected) => {
  expect(await outcome(method, headers)).toBe(expected);
});
