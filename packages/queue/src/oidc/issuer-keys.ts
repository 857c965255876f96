/**
 * The public keys of an issuer. They are rarely requested over the network, whatever callers send: keys are
 * cached for ten minutes, unknown key ids cause at most one request in half a minute, a failure is
 * remembered for a while, and responses are limited in size and time.
 */
import { createRemoteJWKSet, customFetch, type JWTVerifyGetKey } from 'jose';
import type { Clock } from '../foundations/clock.ts';
import { CodedError } from '../foundations/errors.ts';
import { safeUrl } from '../foundations/safe-url.ts';

/** An issuer whose tokens are accepted, and the audiences for which they must be made. */
export interface TrustedIssuer {
  /** Exactly the value of `iss` in the tokens. */
  readonly issuer: string;
  /** A token must be made for one of these (`aud`). */
  readonly audiences: readonly string[];
  /** The URL of its public keys. Without it, OIDC discovery finds them. */
  readonly jwksUri?: string;
}

/** Finds the key that a token's header names. Throws `unavailable` if the issuer cannot be reached. */
export type IssuerKeys = JWTVerifyGetKey;

export interface IssuerKeysOptions {
  readonly clock: Clock;
  readonly fetch: typeof fetch;
}

const TIMEOUT_MS = 5_000;
const FAILURE_KEPT_MS = 5_000;
const MAX_ANSWER_BYTES = 512 * 1024;

export function issuerKeys(
  { issuer, jwksUri }: Pick<TrustedIssuer, 'issuer' | 'jwksUri'>,
  options: IssuerKeysOptions,
): IssuerKeys {
  const ask = boundedAsk(options);
  const keySet = (uri: string): IssuerKeys =>
    createRemoteJWKSet(new URL(uri), {
      timeoutDuration: TIMEOUT_MS,
      [customFetch]: async (url, init) => Response.json(await ask(url, isKeySet, init)),
    });
  if (jwksUri !== undefined) return keySet(jwksUri);
  let discovering: Promise<IssuerKeys> | undefined;
  return async (header, token) => {
    discovering ??= discover(issuer, ask)
      .then(keySet)
      .catch((error: unknown) => {
        discovering = undefined; // the next call tries again, when the failure is no longer remembered
        throw error;
      });
    return (await discovering)(header, token);
  };
}

type Ask = <T>(
  url: string,
  isWanted: (json: unknown) => json is T,
  init?: RequestInit,
) => Promise<T>;

/**
 * After a failure, refuses at once for a while, so that callers cannot make us flood an issuer with
 * requests.
 */
function boundedAsk({ clock, fetch }: IssuerKeysOptions): Ask {
  let failedAt = Number.NEGATIVE_INFINITY;
  return async (url, isWanted, init = {}) => {
    if (clock.monotonicMs() < failedAt + FAILURE_KEPT_MS) {
      throw new CodedError('unavailable', `${url} could not be fetched a moment ago`);
    }
    try {
      const signal = init.signal ?? AbortSignal.timeout(TIMEOUT_MS);
      const response = await fetch(url, { ...init, redirect: 'error', signal });
      if (!response.ok) throw new Error(`${url} responded with ${response.status}`);
      const json: unknown = JSON.parse(await readBounded(response));
      if (!isWanted(json)) throw new Error(`${url} responded with something unexpected`);
      return json;
    } catch (cause) {
      failedAt = clock.monotonicMs();
      throw new CodedError('unavailable', `${url} cannot be fetched`, { cause });
    }
  };
}

async function readBounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES)
      throw new Error(`the response has more than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function isKeySet(json: unknown): json is { readonly keys: readonly object[] } {
  const keys = isObject(json) ? json.keys : undefined;
  return Array.isArray(keys) && keys.every(isObject);
}

/** OpenID Connect Discovery 1.0, section 4: the document must name the issuer that was asked. */
async function discover(issuer: string, ask: Ask): Promise<string> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const isConfiguration = (json: unknown): json is { readonly jwks_uri: string } =>
    isObject(json) && json.issuer === issuer && isSafeUrl(json.jwks_uri);
  return (await ask(url, isConfiguration)).jwks_uri;
}

function isSafeUrl(value: unknown): value is string {
  try {
    return typeof value === 'string' && safeUrl(value) === value;
  } catch {
    return false;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
