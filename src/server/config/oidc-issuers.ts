/** The setting `oidc`: the issuers that sign callers' tokens, and how their claims name callers. */
import type { TrustedIssuer } from '../../oidc/issuer-keys.ts';
import { safeUrl } from '../../safe-url.ts';
import { didYouMean } from './nearest-name.ts';
import { inKey, isRecord, oneText, texts } from './setting-values.ts';

export interface OidcIssuer extends TrustedIssuer {
  /** The template that names a caller from the claims of its token, such as `user:{email}`. */
  readonly identity: string;
}

export const DEFAULT_IDENTITY = 'user:{email}';

const KEYS = ['issuer', 'audiences', 'jwksUri', 'identity'];
const IDENTITY = /^[a-z]+:(?=.*\{)(?:[^\s{}]|\{[A-Za-z0-9_.:/-]+\})+$/;

/** Parses a list of issuers. Throws an Error that says what is wrong. */
export function oidcIssuers(value: unknown): readonly OidcIssuer[] {
  if (!Array.isArray(value)) throw new Error('must be a list of issuers');
  const issuers = value.map((entry, index) => inKey(`[${index}]`, () => oidcIssuer(entry)));
  const names = issuers.map(({ issuer }) => issuer);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`has the issuer ${twice} twice`);
  return issuers;
}

function oidcIssuer(value: unknown): OidcIssuer {
  if (!isRecord(value)) throw new Error('must be a mapping with issuer and audiences');
  for (const key of Object.keys(value)) {
    if (!KEYS.includes(key)) throw new Error(`unknown key ${key}${didYouMean(key, KEYS)}`);
  }
  const { issuer, audiences, jwksUri, identity = DEFAULT_IDENTITY } = value;
  return {
    issuer: inKey('issuer', () => safeUrl(oneText(issuer))),
    audiences: inKey('audiences', () => texts(audiences)),
    identity: inKey('identity', () => identityTemplate(identity)),
    ...(jwksUri === undefined
      ? {}
      : { jwksUri: inKey('jwksUri', () => safeUrl(oneText(jwksUri))) }),
  };
}

function identityTemplate(value: unknown): string {
  if (typeof value === 'string' && IDENTITY.test(value)) return value;
  throw new Error('must be a kind and claims, like user:{email} or service:{repository}');
}
