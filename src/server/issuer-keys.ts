/**
 * The public keys of an issuer. Asked for over the network rarely, whatever callers send: keys are
 * kept ten minutes, an unknown key id makes at most one request in half a minute, a failure is
 * remembered a while, answers are bounded in size and time.
 */
import { createRemoteJWKSet, customFetch, type JWTVerifyGetKey } from 'jose';
import type { Clock } from '../clock.ts';
import { CodedError } from '../errors.ts';
import type { OidcIssuer } from './oidc-issuers.ts';
import { isRecord, safeUrl } from './setting-values.ts';

/** Finds the key that a token's header names. */
export type IssuerKeys = JWTVerifyGetKey;

export interface IssuerKeysOptions {
  readonly clock: Clock;
  readonly fetch: typeof fetch;
}

const TIMEOUT_MS = 5_000;
const FAILURE_KEPT_MS = 5_000;
const MAX_ANSWER_BYTES = 512 * 1024;

export function issuerKeys(issuer: OidcIssuer, options: IssuerKeysOptions): IssuerKeys {
  const ask = boundedFetch(options);
  const keySet = (uri: string): IssuerKeys =>
    createRemoteJWKSet(new URL(uri), { timeoutDuration: TIMEOUT_MS, [customFetch]: ask });
  if (issuer.jwksUri !== undefined) return keySet(issuer.jwksUri);
  let discovering: Promise<IssuerKeys> | undefined;
  return async (header, token) => {
    discovering ??= discover(issuer.issuer, ask)
      .then(keySet)
      .catch((error: unknown) => {
        discovering = undefined; // the next call tries again, once the failure is no longer kept
        throw error;
      });
    return (await discovering)(header, token);
  };
}

type Ask = (url: string, options?: RequestInit) => Promise<Response>;

/** Refuses at once for a while after a failure, so that callers cannot make us hammer an issuer. */
function boundedFetch({ clock, fetch }: IssuerKeysOptions): Ask {
  let failedAt = Number.NEGATIVE_INFINITY;
  return async (url, options = {}) => {
    if (clock.now() < failedAt + FAILURE_KEPT_MS) {
      throw new CodedError('unavailable', `${url} could not be had a moment ago`);
    }
    try {
      const signal = options.signal ?? AbortSignal.timeout(TIMEOUT_MS);
      const response = await fetch(url, { ...options, redirect: 'error', signal });
      if (!response.ok) throw new Error(`${url} answered ${response.status}`);
      return new Response(await readBounded(response));
    } catch (cause) {
      failedAt = clock.now();
      throw new CodedError('unavailable', `${url} cannot be had`, { cause });
    }
  };
}

async function readBounded(response: Response): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES)
      throw new Error(`the answer has more than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

/** OpenID Connect Discovery 1.0, section 4: the document must name the issuer that we asked. */
async function discover(issuer: string, ask: Ask): Promise<string> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const document: unknown = await (await ask(url)).json().catch(() => undefined);
  if (!isRecord(document) || document.issuer !== issuer || typeof document.jwks_uri !== 'string') {
    throw new CodedError('unavailable', `${url} is not the configuration of ${issuer}`);
  }
  return safeUrl(document.jwks_uri);
}
