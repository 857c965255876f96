/**
 * Authenticates callers. A valid bearer token (oidc/token-verifier.ts) names its caller; a call with an
 * invalid one is refused. A caller without a token is anonymous, and may do what `anyone` may. In local
 * mode, every caller is anonymous.
 */
import {
  type Claims,
  isEmailVerified,
  refused,
  type TokenVerifierOptions,
  tokenVerifier,
} from '@postlude/queue/oidc';
import type { OidcIssuer } from '../config/oidc-issuers.ts';

export const ANONYMOUS = 'anonymous:anonymous';

/** Returns the caller's identity from the header `authorization`. */
export type Authenticate = (authorization: string | null) => Promise<string>;

/** Authenticates callers in local mode. */
export const everybodyAnonymous: Authenticate = () => Promise.resolve(ANONYMOUS);

export interface OidcAuthOptions extends TokenVerifierOptions {
  readonly issuers: readonly OidcIssuer[];
}

const MAX_IDENTITY_LENGTH = 300;

/**
 * Throws `unauthenticated` if the token is invalid, and `unavailable` if the issuer's keys cannot be
 * fetched.
 */
export function oidcAuthenticate({ issuers, ...options }: OidcAuthOptions): Authenticate {
  const verify = tokenVerifier(issuers, options);
  return async (authorization) => {
    if (authorization === null) return ANONYMOUS;
    const { issuer, claims } = await verify(authorization);
    return identityOf(issuer.identity, claims);
  };
}

/** Fills claims into a template: `user:{email}`. */
function identityOf(template: string, claims: Claims): string {
  const identity = template.replaceAll(/\{([^{}]+)\}/g, (_, claim: string) =>
    claimText(claims, claim),
  );
  if (identity.length > MAX_IDENTITY_LENGTH || /\s|\p{C}/u.test(identity)) {
    throw refused('the token names its caller in a form that is not accepted');
  }
  return identity;
}

function claimText(claims: Claims, claim: string): string {
  const value = Object.hasOwn(claims, claim) ? claims[claim] : undefined;
  if (typeof value !== 'string' || value === '') throw refused(`the token has no claim ${claim}`);
  if (claim === 'email' && isEmailVerified(claims) === false) {
    throw refused('the email of the token has not been verified');
  }
  return value;
}
