/**
 * Verifies bearer tokens. A token is accepted only if a trusted issuer signed it with a key of its own and for
 * our audience, and if it has not expired. Unsigned tokens, and those signed with a shared secret, never are.
 */
import { decodeJwt, errors, type JWTPayload, jwtVerify } from 'jose';
import type { Clock } from '../foundations/clock.ts';
import { CodedError, toError } from '../foundations/errors.ts';
import { type IssuerKeys, issuerKeys, type TrustedIssuer } from './issuer-keys.ts';

export type Claims = JWTPayload;

/** The claims of a token, and the issuer that made them. */
export interface VerifiedToken<I extends TrustedIssuer> {
  readonly issuer: I;
  readonly claims: Claims;
}

/**
 * Verifies the token of a header `authorization`. Throws `unauthenticated` if the token is refused, with a
 * reason that its holder may know, and `unavailable` if the issuer's keys cannot be fetched.
 */
export type VerifyToken<I extends TrustedIssuer> = (
  authorization: string,
) => Promise<VerifiedToken<I>>;

export interface TokenVerifierOptions {
  readonly clock: Clock;
  readonly fetch?: typeof fetch;
}

const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
];
const CLOCK_TOLERANCE_S = 30;
const MAX_TOKEN_LENGTH = 16 * 1024;

export function tokenVerifier<I extends TrustedIssuer>(
  issuers: readonly I[],
  { clock, fetch: given = fetch }: TokenVerifierOptions,
): VerifyToken<I> {
  const byName = new Map(
    issuers.map((issuer) => {
      const keys = issuerKeys(issuer, { clock, fetch: given });
      return [issuer.issuer, { issuer, keys }];
    }),
  );
  return async (authorization) => {
    const token = bearerToken(authorization);
    const found = byName.get(claimedIssuer(token));
    if (!found) throw refused('the token is from an issuer that is not accepted here');
    return { issuer: found.issuer, claims: await verify(token, found, clock) };
  };
}

/** `undefined` if the issuer does not say. Some issuers write it as a text. */
export function isEmailVerified(claims: Claims): boolean | undefined {
  if (!Object.hasOwn(claims, 'email_verified')) return undefined;
  return claims.email_verified === true || claims.email_verified === 'true';
}

export function refused(message: string, cause?: unknown): CodedError {
  return new CodedError('unauthenticated', message, cause === undefined ? {} : { cause });
}

/** A token that was accepted once: its signature, issuer and audience are right. */
export function hasExpired(error: unknown): boolean {
  return error instanceof CodedError && error.cause instanceof errors.JWTExpired;
}

function bearerToken(authorization: string): string {
  const match = /^Bearer +([\w.~+/=-]+)$/i.exec(authorization);
  if (!match?.[1]) throw refused('authorization must be "Bearer" and a token');
  if (match[1].length > MAX_TOKEN_LENGTH) throw refused('the token is too long');
  return match[1];
}

/** Reads the claims without verifying them, only to find the keys that may verify the token. */
function claimedIssuer(token: string): string {
  try {
    return decodeJwt(token).iss ?? '';
  } catch (cause) {
    throw refused('the token is not a JSON web token', cause);
  }
}

async function verify(
  token: string,
  { issuer: trusted, keys }: { readonly issuer: TrustedIssuer; readonly keys: IssuerKeys },
  clock: Clock,
): Promise<Claims> {
  const { audiences, issuer } = trusted;
  try {
    const { payload } = await jwtVerify(token, keys, {
      algorithms: ALGORITHMS,
      issuer,
      audience: [...audiences],
      requiredClaims: ['exp', 'aud'],
      clockTolerance: CLOCK_TOLERANCE_S,
      currentDate: new Date(clock.now()),
    });
    return payload;
  } catch (error) {
    if (error instanceof CodedError) throw error;
    if (error instanceof errors.JOSEError) throw refused(reasonOf(error), error);
    throw new CodedError('unavailable', `the keys of ${issuer} cannot be fetched`, {
      cause: toError(error),
    });
  }
}

/** Returns a reason that tells the token's holder nothing new. */
function reasonOf(error: errors.JOSEError): string {
  if (error instanceof errors.JWTExpired) return 'the token has expired';
  if (error instanceof errors.JWTClaimValidationFailed) {
    return error.claim === 'aud'
      ? 'the token was made for another audience'
      : `the token's claim ${error.claim} does not fit`;
  }
  return 'the token cannot be verified';
}
