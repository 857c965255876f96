/**
 * Update tokens: a caller that holds one may change the invocation it was issued for, and no other. A
 * token does not identify its holder and cannot be revoked; it expires.
 *
 * Form: base64url, without padding, of a version byte, public JSON ({"_i": issue time in ms, "_x":
 * lifetime in ms, "_n": invocation id, "_r": its realm}, as strings) and an HMAC-SHA256 of 32 bytes. The
 * HMAC is over the version byte, the unmodified JSON and the invocation id, each preceded by its length in
 * decimal and a newline. As the token names its invocation, it can be verified before the request is read;
 * the realm, which it may lack, only says whom the request is counted for.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { type Clock, CodedError } from '@postlude/queue/foundations';
import { Recorder } from '../../gen/luci/resultdb/v1/recorder_pb.js';
import { Invocations } from '../../gen/postlude/v1/invocations_pb.js';

const VERSION = 1;
const MAC_BYTES = 32;
const LIFETIME_MS = 7 * 24 * 3_600_000;
/** How far the clock of the issuing server may be ahead of ours. */
const MAX_DRIFT_MS = 30_000;
/** Genuine tokens have at most 700 characters. Far longer ones are refused without hashing them. */
const MAX_TOKEN_LENGTH = 1024;

/** The name by which logs and limits know the recording of an artifact by plain HTTP. */
export const UPLOAD_METHOD = 'artifacts/Upload';

/** Methods that require an update token and nothing else, whatever the caller's identity. */
export const TOKEN_METHODS: ReadonlySet<string> = new Set([
  UPLOAD_METHOD,
  ...[
    Recorder.method.updateInvocation,
    Recorder.method.finalizeInvocation,
    Recorder.method.createTestResult,
    Recorder.method.batchCreateTestResults,
    Recorder.method.createTestExoneration,
    Recorder.method.batchCreateTestExonerations,
    Recorder.method.batchCreateArtifacts,
    Invocations.method.keepInvocationAlive,
    Invocations.method.endInvocation,
    Invocations.method.batchFinalizeInvocations,
  ].map(({ name, parent }) => `${parent.typeName}/${name}`),
]);

/** Methods that require an update token besides the rights of their caller. */
export const ALSO_TOKEN_METHODS: ReadonlySet<string> = new Set([
  `${Recorder.typeName}/${Recorder.method.updateIncludedInvocations.name}`,
]);

export interface UpdateTokensConfig {
  /** The first secret signs; tokens of all of them are accepted. */
  readonly secrets: readonly [Uint8Array, ...Uint8Array[]];
  readonly clock: Clock;
}

export class UpdateTokens {
  readonly #config: UpdateTokensConfig;

  constructor(config: UpdateTokensConfig) {
    this.#config = config;
  }

  issue(invocationId: string, realm?: string): string {
    const { clock, secrets } = this.#config;
    const claims = {
      _i: String(Math.trunc(clock.now())),
      _x: String(LIFETIME_MS),
      _n: invocationId,
      ...(realm === undefined ? {} : { _r: realm }),
    };
    const body = Buffer.from(JSON.stringify(claims));
    const mac = computeMac(secrets[0], body, invocationId);
    return Buffer.concat([Uint8Array.of(VERSION), body, mac]).toString('base64url');
  }

  /**
   * Returns the id of the invocation that `token` was issued for, if it was issued with one of our secrets
   * and has not expired.
   */
  invocationOf(token: string): string | undefined {
    return this.#genuineClaims(token)?.invocationId;
  }

  /** Returns the realm of that invocation, if the token says it as well. */
  realmOf(token: string): string | undefined {
    return this.#genuineClaims(token)?.realm;
  }

  #genuineClaims(token: string): Claims | undefined {
    const parts = parseToken(token);
    if (parts === undefined) return undefined;
    const claims = parseClaims(parts.body);
    if (claims === undefined || !isCurrent(claims, this.#config.clock.now())) return undefined;
    const isGenuine = this.#config.secrets.some((secret) =>
      timingSafeEqual(computeMac(secret, parts.body, claims.invocationId), parts.mac),
    );
    return isGenuine ? claims : undefined;
  }
}

/**
 * Returns the id of the invocation whose token the request has. Throws `unauthenticated` if there is no token,
 * `invalid-argument` if there are several, and `permission-denied` if it is not valid for any invocation.
 */
export function requireAnyUpdateToken(
  updateTokens: Pick<UpdateTokens, 'invocationOf'>,
  given: readonly string[],
): string {
  const [token] = given;
  if (token === undefined) {
    throw new CodedError('unauthenticated', 'missing update-token in the request');
  }
  if (given.length > 1) {
    throw new CodedError('invalid-argument', 'more than one update-token in the request');
  }
  return updateTokens.invocationOf(token) ?? refuseToken();
}

/** Throws unless the request has exactly one token and it is valid for this invocation, with the same codes. */
export function requireUpdateToken(
  updateTokens: Pick<UpdateTokens, 'invocationOf'>,
  given: readonly string[],
  invocationId: string,
): void {
  if (requireAnyUpdateToken(updateTokens, given) !== invocationId) refuseToken();
}

function refuseToken(): never {
  throw new CodedError('permission-denied', 'invalid update token');
}

function computeMac(secret: Uint8Array, body: Uint8Array, invocationId: string): Buffer {
  const mac = createHmac('sha256', secret);
  for (const part of [Uint8Array.of(VERSION), body, Buffer.from(invocationId)]) {
    mac.update(`${part.length}\n`).update(part);
  }
  return mac.digest();
}

function parseToken(token: string): { readonly body: Buffer; readonly mac: Buffer } | undefined {
  if (token.length > MAX_TOKEN_LENGTH || !/^[A-Za-z0-9_-]+$/.test(token)) return undefined;
  const bytes = Buffer.from(token, 'base64url');
  if (bytes[0] !== VERSION || bytes.length <= 1 + MAC_BYTES) return undefined;
  return { body: bytes.subarray(1, -MAC_BYTES), mac: bytes.subarray(-MAC_BYTES) };
}

/** What the public part of a token says. Only its HMAC shows that a server of ours has said so. */
interface Claims {
  readonly issuedAt: number;
  readonly lifetimeMs: number;
  readonly invocationId: string;
  readonly realm: string | undefined;
}

function isCurrent({ issuedAt, lifetimeMs }: Claims, now: number): boolean {
  return issuedAt <= now + MAX_DRIFT_MS && now < issuedAt + lifetimeMs;
}

function parseClaims(body: Buffer): Claims | undefined {
  try {
    const claims: unknown = JSON.parse(body.toString());
    if (typeof claims !== 'object' || claims === null) return undefined;
    const issuedAt = '_i' in claims ? toWholeMs(claims._i) : undefined;
    const lifetimeMs = '_x' in claims ? toWholeMs(claims._x) : undefined;
    const invocationId = '_n' in claims ? claims._n : undefined;
    const realm = '_r' in claims && typeof claims._r === 'string' ? claims._r : undefined;
    if (issuedAt === undefined || lifetimeMs === undefined) return undefined;
    if (typeof invocationId !== 'string') return undefined;
    return { issuedAt, lifetimeMs, invocationId, realm };
  } catch {
    return undefined;
  }
}

function toWholeMs(claim: unknown): number | undefined {
  return typeof claim === 'string' && /^\d{1,15}$/.test(claim) ? Number(claim) : undefined;
}
