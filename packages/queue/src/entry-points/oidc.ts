/** @postlude/queue/oidc: verifies the ID tokens of OIDC issuers, as the receivers of pushed tasks do. */
export type { TrustedIssuer } from '../oidc/issuer-keys.ts';
export {
  type Claims,
  hasExpired,
  isEmailVerified,
  refused,
  type TokenVerifierOptions,
  tokenVerifier,
} from '../oidc/token-verifier.ts';
