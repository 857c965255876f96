/** The setting `oidc`: the issuers that sign callers' tokens, and how their claims name callers. */

import { safeUrl } from '@postlude/queue/foundations';
import type { TrustedIssuer } from '@postlude/queue/oidc';
import { listOf, oneText, optional, recordOf, texts } from './shapes.ts';

export interface OidcIssuer extends TrustedIssuer {
  /** The template that names a caller from the claims of its token, such as `user:{email}`. */
  readonly identity: string;
}

export const DEFAULT_IDENTITY = 'user:{email}';

const IDENTITY = /^[a-z]+:(?=.*\{)(?:[^\s{}]|\{[A-Za-z0-9_.:/-]+\})+$/;

const url = (value: unknown) => safeUrl(oneText(value));

const issuerList = listOf(
  recordOf<OidcIssuer>(
    {
      issuer: url,
      audiences: texts,
      identity: (value = DEFAULT_IDENTITY) => {
        if (typeof value === 'string' && IDENTITY.test(value)) return value;
        throw new Error('must be a kind and claims, like user:{email} or service:{repository}');
      },
      jwksUri: optional(url),
    },
    'must be a mapping with issuer and audiences',
  ),
  'must be a list of issuers',
);

/** Parses a list of issuers. Throws an Error that says what is wrong. */
export function oidcIssuers(value: unknown, folder: string): readonly OidcIssuer[] {
  const issuers = issuerList(value, folder);
  const names = issuers.map(({ issuer }) => issuer);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`has the issuer ${twice} twice`);
  return issuers;
}
