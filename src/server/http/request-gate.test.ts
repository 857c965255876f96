import { ConnectError, createContextValues, type HandlerContext } from '@connectrpc/connect';
import { CodedError } from '@postlude/queue/foundations';
import { expect, test } from 'vitest';
import { openTestAdmission } from '../../../test/support/server/test-admission.ts';
import { ANONYMOUS } from './auth.ts';
import { passGate, type RequestGateOptions } from './request-gate.ts';
import { type RpcCall, rpcCallKey } from './rpc-call.ts';

const USER = 'user:a@example.com';
const BY_TOKEN = 'luci.resultdb.v1.Recorder/BatchCreateTestResults';
const BY_BOTH = 'luci.resultdb.v1.Recorder/UpdateIncludedInvocations';
const BY_GRANT = 'luci.resultdb.v1.ResultDB/GetInvocation';

const TOKENS = {
  realmOf: () => undefined,
  invocationOf: (token: string) => (token === 'genuine' ? 'inv' : undefined),
};

const MAX_REQUEST_BYTES = 1024;

const authenticate = async (header: string | null): Promise<string> => {
  if (header === 'bad') throw new CodedError('unauthenticated', 'bad token');
  return header === null ? ANONYMOUS : USER;
};

function openCall(method: string, headers: Record<string, string>) {
  const call: RpcCall = { method, caller: ANONYMOUS, address: '' };
  const values = createContextValues().set(rpcCallKey, call);
  const requestHeader = new Headers(headers);
  const { signal } = new AbortController();
  return { call, context: { values, requestHeader, signal } as unknown as HandlerContext };
}

function optionsWith(admission: RequestGateOptions['admission']): RequestGateOptions {
  return {
    authenticate,
    updateTokens: TOKENS,
    isAnonymousGranted: false,
    maxRequestBytes: MAX_REQUEST_BYTES,
    draining: new AbortController().signal,
    admission,
  };
}

/** Returns the caller, or the code of the refusal. */
async function outcome(method: string, headers: Record<string, string>): Promise<string> {
  const { call, context } = openCall(method, headers);
  try {
    await passGate(context, optionsWith(openTestAdmission().admission));
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
  ['an update token', BY_TOKEN, { 'update-token': 'genuine' }, ANONYMOUS],
  ['a forged update token', BY_TOKEN, { 'update-token': 'x' }, 'permission_denied'],
  ['several tokens', BY_TOKEN, { 'update-token': 'genuine, genuine' }, 'invalid_argument'],
  [
    'a grant and a forged update token',
    BY_BOTH,
    { authorization: 'good', 'update-token': 'x' },
    'permission_denied',
  ],
  [
    'a grant and an update token',
    BY_BOTH,
    { authorization: 'good', 'update-token': 'genuine' },
    USER,
  ],
  ['no update token', BY_TOKEN, {}, 'unauthenticated'],
  ['a bearer token but no update token', BY_TOKEN, { authorization: 'good' }, 'unauthenticated'],
])('%s: %s with %o is %s', async (_what, method, headers, expected) => {
  expect(await outcome(method, headers)).toBe(expected);
});

test.each([
  [{ 'content-length': '100' }, 100],
  [{ 'content-length': '9007199254740991' }, MAX_REQUEST_BYTES],
  [{}, undefined],
])('with %o, a body counts for %s bytes before it is read', async (headers, counted) => {
  const { admission } = openTestAdmission();
  const entered: unknown[] = [];
  const enter: RequestGateOptions['admission']['enter'] = (call) => {
    entered.push(call.bytes);
    return admission.enter(call);
  };
  const { context } = openCall(BY_GRANT, { authorization: 'good', ...headers });
  await passGate(context, optionsWith({ enter }));
  expect(entered).toEqual([counted]);
});
