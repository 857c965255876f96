/**
 * Signs the tokens of the simulated CI systems: it plays all of their issuers, with one key. The server is
 * told the real names of the issuers and where this key is, so that its settings are those of the
 * documents. It is also GitHub's token service, which a job calls with its request token.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose';

export type Claims = Readonly<Record<string, string>>;

export interface TokenOptions {
  readonly issuer: string;
  readonly audience: string;
  readonly claims: Claims;
  readonly lifetime: string;
}

/** The tokens that GitHub issues. */
const ON_GITHUB = { issuer: 'https://token.actions.githubusercontent.com', lifetime: '5m' };

export class Authority {
  readonly #server: Server;
  readonly #key: CryptoKey;
  readonly #jwks: string;
  /** The claims that each request token entitles to. */
  readonly #requests = new Map<string, Claims>();

  private constructor(key: CryptoKey, jwks: string) {
    this.#key = key;
    this.#jwks = jwks;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async start(): Promise<Authority> {
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
    const key = { ...(await exportJWK(publicKey)), kid: 'ci', alg: 'ES256' };
    const authority = new Authority(privateKey, JSON.stringify({ keys: [key] }));
    await new Promise<void>((resolve) => authority.#server.listen(0, '127.0.0.1', resolve));
    return authority;
  }

  get jwksUri(): string {
    return `${this.#url}/jwks`;
  }

  async token({ audience, claims, issuer, lifetime }: TokenOptions): Promise<string> {
    return await new SignJWT({ ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: 'ci' })
      .setIssuer(issuer)
      .setAudience(audience)
      .setSubject(claims.sub ?? 'job')
      .setIssuedAt()
      .setExpirationTime(lifetime)
      .sign(this.#key);
  }

  /** Returns the variables of a GitHub job that may ask for tokens with these claims. */
  offer(claims: Claims): Readonly<Record<string, string>> {
    const requestToken = randomUUID();
    this.#requests.set(requestToken, claims);
    return {
      ACTIONS_ID_TOKEN_REQUEST_URL: `${this.#url}/token?api-version=2.0`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: requestToken,
    };
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get #url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** https://docs.github.com/en/actions/reference/security/oidc */
  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '', this.#url);
    if (pathname === '/jwks') {
      response.writeHead(200, { 'content-type': 'application/json' }).end(this.#jwks);
      return;
    }
    const bearer = request.headers.authorization?.replace('Bearer ', '') ?? '';
    const claims = this.#requests.get(bearer);
    const audience = searchParams.get('audience');
    if (pathname !== '/token' || claims === undefined || audience === null) {
      response.writeHead(401).end();
      return;
    }
    const value = await this.token({ ...ON_GITHUB, audience, claims });
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ value }));
  }
}
