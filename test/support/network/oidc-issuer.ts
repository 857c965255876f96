/** An issuer of OIDC tokens on this machine, with a discovery document, keys, and faults on demand. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { onTestFinished } from 'vitest';

export interface TokenOptions {
  /** Claims to add, to change, or to leave out (`undefined`). */
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly header?: { readonly alg?: string; readonly kid?: string };
  readonly key?: CryptoKey | Uint8Array;
}

type KeyPair = ReturnType<typeof generateKeyPair>;

const pairs = new Map<string, KeyPair>();

/** Each worker process has one key pair for `ES256` and one for `RS256`. */
export function issuerKeyPair(alg = 'ES256'): KeyPair {
  const pair = pairs.get(alg) ?? generateKeyPair(alg, { extractable: true });
  pairs.set(alg, pair);
  return pair;
}

/** Signs with the issuer's RSA key, as Google does. */
export const RSA_HEADER = { alg: 'RS256', kid: 'r1' };

async function publicKey(alg: string, kid: string): Promise<object> {
  return { ...(await exportJWK((await issuerKeyPair(alg)).publicKey)), kid, alg };
}

const ACCOUNT = { email: 'a@example.com', email_verified: true };

export class OidcIssuerServer {
  /** The status with which it responds. */
  status = 200;
  /** The issuer that its discovery document names; by default itself. */
  claimsToBe: string | undefined;
  /** The number of blanks that it adds to its responses. */
  padding = 0;
  /** The paths of the requests that it got. */
  readonly asked: string[] = [];
  url = '';

  /** Starts the issuer, which runs until the test ends. */
  static async start(): Promise<OidcIssuerServer> {
    const issuer = new OidcIssuerServer();
    const keys = [await publicKey('ES256', 'k1'), await publicKey('RS256', 'r1')];
    const server = createServer((request, response) => {
      issuer.asked.push(request.url ?? '');
      response.writeHead(issuer.status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(issuer.#documents(keys)[request.url ?? '']));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    issuer.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return issuer;
  }

  /**
   * Returns a token of this issuer for `postlude` and `a@example.com`, valid for five minutes from `now`. It is
   * signed with `key`, or by default with the key of the header's `alg`.
   */
  async bearer(nowMs: number, options: TokenOptions = {}): Promise<string> {
    const iat = Math.floor(nowMs / 1000);
    const standard = { iss: this.url, aud: 'postlude', sub: 's', iat, exp: iat + 300 };
    const token = new SignJWT({ ...standard, ...ACCOUNT, ...options.claims })
      .setProtectedHeader({ alg: 'ES256', kid: 'k1', ...options.header })
      .sign(options.key ?? (await issuerKeyPair(options.header?.alg)).privateKey);
    return `Bearer ${await token}`;
  }

  #documents(keys: readonly object[]): Readonly<Record<string, object>> {
    return {
      '/.well-known/openid-configuration': {
        issuer: this.claimsToBe ?? this.url,
        jwks_uri: `${this.url}/jwks`,
      },
      '/jwks': { keys, padding: ' '.repeat(this.padding) },
    };
  }
}
