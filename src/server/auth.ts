/**
 * Who calls. A bearer token counts only if an issuer that is configured signed it, for us, and it
 * has not ended; otherwise the call is refused. Who brings none is anonymous, and may do what
 * `anyone` may. In local mode everybody is.
 */
import { decodeJwt, errors, type JWTPayload, jwtVerify } from 'jose';
import type { Clock } from '../clock.ts';
import { CodedError, toError } from '../errors.ts';
import { type IssuerKeys, issuerKeys } from './issuer-keys.ts';
import type { OidcIssuer } from './oidc-issuers.ts';

export const ANONYMOUS = 'anonymous:anonymous';

/** Answers the caller's identity from the header `authorization`. */
export type Authenticate = (authorization: string | null) => Promise<string>;

/** For local mode. */
export const everybodyAnonymous: Authenticate = () => Promise.resolve(ANONYMOUS);

export interface OidcAuthOptions {
  readonly issuers: readonly OidcIssuer[];
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
const MAX_IDENTITY_LENGTH = 300;

/**
 * Throws `unauthenticated` for a token that does not count, `unavailable` where the issuer's keys
 * cannot be had.
 */
export function oidcAuthenticate(options: OidcAuthOptions): Authenticate {
  const { clock } = options;
  const issuers = new Map(
    options.issuers.map((issuer) => [
      issuer.issuer,
      { ...issuer, keys: issuerKeys(issuer, { clock, fetch: options.fetch ?? fetch }) },
    ]),
  );
  return async (authorization) => {
    if (authorization === null) return ANONYMOUS;
    const token = bearerToken(authorization);
    const issuer = issuers.get(claimedIssuer(token));
    if (!issuer) throw refused('the token is of an issuer that is not accepted here');
    return identityOf(issuer.identity, await verify(token, issuer, clock));
  };
}

function bearerToken(authorization: string): string {
  const match = /^Bearer +([\w.~+/=-]+)$/i.exec(authorization);
  if (!match?.[1]) throw refused('authorization must be "Bearer" and a token');
  if (match[1].length > MAX_TOKEN_LENGTH) throw refused('the token is too long');
  return match[1];
}

/** Not verified yet: only to find the keys that may verify it. */
function claimedIssuer(token: string): string {
  try {
    return decodeJwt(token).iss ?? '';
  } catch (cause) {
    throw refused('the token is not a JSON web token', cause);
  }
}

async function verify(
  token: string,
  issuer: OidcIssuer & { readonly keys: IssuerKeys },
  clock: Clock,
): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(token, issuer.keys, {
      algorithms: ALGORITHMS,
      issuer: issuer.issuer,
      audience: [...issuer.audiences],
      requiredClaims: ['exp', 'aud'],
      clockTolerance: CLOCK_TOLERANCE_S,
      currentDate: new Date(clock.now()),
    });
    return payload;
  } catch (error) {
    if (error instanceof CodedError) throw error;
    if (error instanceof errors.JOSEError) throw refused(reasonOf(error), error);
    throw new CodedError('unavailable', `the keys of ${issuer.issuer} cannot be had`, {
      cause: toError(error),
    });
  }
}

/** Says no more than the holder of the token can know anyway. */
function reasonOf(error: errors.JOSEError): string {
  if (error instanceof errors.JWTExpired) return 'the token has expired';
  if (error instanceof errors.JWTClaimValidationFailed) {
    return error.claim === 'aud'
      ? 'the token was made for another audience'
      : `the token's claim ${error.claim} does not fit`;
  }
  return 'the token cannot be verified';
}

/** Fills claims into a template: `user:{email}`. */
function identityOf(template: string, claims: JWTPayload): string {
  const identity = template.replaceAll(/\{([^}]+)\}/g, (_, claim: string) =>
    claimText(claims, claim),
  );
  if (identity.length > MAX_IDENTITY_LENGTH || /\s|\p{C}/u.test(identity)) {
    throw refused('the token names its caller in a form that is not accepted');
  }
  return identity;
}

function claimText(claims: JWTPayload, claim: string): string {
  const value = Object.hasOwn(claims, claim) ? claims[claim] : undefined;
  if (typeof value !== 'string' || value === '') throw refused(`the token has no claim ${claim}`);
  if (
    claim === 'email' &&
    Object.hasOwn(claims, 'email_verified') &&
    !isTrue(claims.email_verified)
  ) {
    throw refused('the email of the token has not been verified');
  }
  return value;
}

/** Some issuers write it as a text. */
function isTrue(value: unknown): boolean {
  return value === true || value === 'true';
}

function refused(message: string, cause?: unknown): CodedError {
  return new CodedError('unauthenticated', message, cause === undefined ? {} : { cause });
}
