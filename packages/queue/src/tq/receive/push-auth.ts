/**
 * Decides who may push tasks to this process. With OIDC, it is accounts whose tokens an issuer signed for
 * us; without OIDC, programs on this machine. Headers that queues add (`X-CloudTasks-…`) prove nothing,
 * as anybody can send them.
 */
import { CodedError, toError } from '../../foundations/errors.ts';
import { isLoopbackPeer, namesLoopback } from '../../foundations/loopback.ts';
import { safeUrl } from '../../foundations/safe-url.ts';
import {
  isEmailVerified,
  refused,
  type TokenVerifierOptions,
  tokenVerifier,
} from '../../oidc/token-verifier.ts';
import type { PushRequest } from './push-request.ts';

export interface PushAuthOptions {
  /** The issuer whose tokens are accepted, compared exactly: `https://accounts.google.com` unless given. */
  readonly issuer?: string;
  /** The URL of the issuer's public keys; found by OIDC discovery unless given. */
  readonly jwksUri?: string;
  /** Tokens must be made for one of these: it is the `pushAudience` of the programs that add tasks. */
  readonly audiences: readonly string[];
  /** The accounts that may push, compared exactly: the `pushAs` of the programs that add tasks. */
  readonly emails: readonly string[];
}

/**
 * Throws `unauthenticated` or `permission-denied` if the client may not push, and `unavailable` if the
 * issuer's keys cannot be fetched.
 */
export type AuthorizePush = (
  request: Pick<PushRequest, 'headers' | 'host' | 'peerAddress'>,
) => Promise<void>;

const GOOGLE = 'https://accounts.google.com';

/** Throws `invalid-argument` for options that accept nobody, or that cannot be safe. */
export function oidcPushAuth(
  options: PushAuthOptions,
  verifier: TokenVerifierOptions,
): AuthorizePush {
  const { issuer = GOOGLE, emails } = options;
  check(options);
  const verify = tokenVerifier([{ ...options, issuer }], verifier);
  return async ({ headers }) => {
    if (headers.authorization === undefined) throw refused('a push needs a token');
    const { claims } = await verify(headers.authorization);
    if (typeof claims.email !== 'string' || !emails.includes(claims.email)) {
      throw new CodedError('permission-denied', "the token's account may not push here");
    }
    if (isEmailVerified(claims) !== true) {
      throw new CodedError('permission-denied', "the token's email has not been verified");
    }
  };
}

/** Headers of requests that a proxy passed on, or that a browser made for a web page. */
const NOT_OF_THIS_MACHINE = [
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-real-ip',
  'origin',
  'sec-fetch-site',
];

/**
 * Accepts programs on this machine. It refuses requests that a proxy here passes on for others, and those
 * of web pages in a browser here, whether under a host name of their own or across origins.
 */
export const loopbackPushAuth: AuthorizePush = async ({ headers, host, peerAddress }) => {
  const header = NOT_OF_THIS_MACHINE.find((name) => headers[name] !== undefined);
  if (header === undefined && isLoopbackPeer(peerAddress) && namesLoopback(host)) return;
  const reason = header === undefined ? '' : `, and none with the header ${header}`;
  throw new CodedError(
    'permission-denied',
    `without OIDC, only pushes from this machine are taken${reason}`,
  );
};

function check({ issuer = GOOGLE, jwksUri = issuer, audiences, emails }: PushAuthOptions): void {
  if (audiences.length === 0 || audiences.includes('')) throw invalid('audiences are missing');
  if (emails.length === 0 || emails.includes('')) throw invalid('emails are missing');
  for (const [key, url] of Object.entries({ issuer, jwksUri })) {
    try {
      safeUrl(url);
    } catch (cause) {
      throw invalid(`${key} ${toError(cause).message}`, cause);
    }
  }
}

function invalid(problem: string, cause?: unknown): CodedError {
  return new CodedError('invalid-argument', `who may push: ${problem}`, { cause });
}
