/**
 * URLs by which anybody can fetch the content of one artifact for an hour. A caller that may read
 * the artifact gets one, so that browsers and other tools need no token of their own.
 *
 * The token in a URL is base64url, without padding, of a version byte, the time at which it expires (8
 * bytes), the SHA-256 of the content and an HMAC-SHA256. The HMAC is over the three and the name of the
 * artifact. As a token names the content, it is of no use for another artifact that has the same name later.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock, EpochMs } from '@postlude/queue/foundations';
import type { Artifact, ArtifactKey } from '../../artifacts/artifact.ts';
import type { CallContext } from '../shared/call-context.ts';
import { artifactName } from './artifact-name.ts';

export interface FetchUrlsParts {
  /** The first secret signs; tokens of all of them are accepted. */
  readonly secrets: readonly [Uint8Array, ...Uint8Array[]];
  readonly clock: Clock;
  /** The origin of the URLs; that of the call if it is not given. */
  readonly origin?: string | undefined;
}

export interface FetchUrl {
  readonly url: string;
  readonly expireTime: EpochMs;
}

const LIFETIME_MS = 3_600_000;
const VERSION = 1;
const TIME_BYTES = 8;
const DIGEST_BYTES = 32;
const TOKEN_BYTES = 1 + TIME_BYTES + 2 * DIGEST_BYTES;
/** Update tokens are signed with the same secrets; this keeps the two kinds apart. */
const PURPOSE = 'fetch the content of an artifact';

export class FetchUrls {
  readonly #parts: FetchUrlsParts;

  constructor(parts: FetchUrlsParts) {
    this.#parts = parts;
  }

  /** Returns `undefined` if nobody knows under which origin the server can be reached. */
  of(
    artifact: ArtifactKey & Pick<Artifact, 'sha256'>,
    context: Pick<CallContext, 'origin'>,
  ): FetchUrl | undefined {
    const { clock, origin = context.origin } = this.#parts;
    if (origin === undefined) return undefined;
    const name = artifactName(artifact);
    const expireTime = Math.trunc(clock.now()) + LIFETIME_MS;
    const token = this.#tokenOf(name, Buffer.from(artifact.sha256, 'hex'), expireTime);
    return { url: `${origin}/${name}?token=${token}`, expireTime };
  }

  /** Returns the digest of the content that the token allows to fetch; `undefined` if it allows nothing. */
  digestOf(name: string, token: string): string | undefined {
    const bytes = Buffer.from(token, 'base64url');
    if (bytes.length !== TOKEN_BYTES || bytes[0] !== VERSION) return undefined;
    const [claims, mac] = [bytes.subarray(0, -DIGEST_BYTES), bytes.subarray(-DIGEST_BYTES)];
    const { clock, secrets } = this.#parts;
    if (!secrets.some((secret) => timingSafeEqual(computeMac(secret, claims, name), mac))) {
      return undefined;
    }
    if (Number(claims.readBigUInt64BE(1)) <= clock.now()) return undefined;
    return claims.subarray(1 + TIME_BYTES).toString('hex');
  }

  #tokenOf(name: string, digest: Uint8Array, expireTime: EpochMs): string {
    const time = Buffer.alloc(TIME_BYTES);
    time.writeBigUInt64BE(BigInt(expireTime));
    const claims = Buffer.concat([Uint8Array.of(VERSION), time, digest]);
    const mac = computeMac(this.#parts.secrets[0], claims, name);
    return Buffer.concat([claims, mac]).toString('base64url');
  }
}

/** The claims have a fixed length, so the parts cannot be confused. */
function computeMac(secret: Uint8Array, claims: Uint8Array, name: string): Buffer {
  return createHmac('sha256', secret).update(PURPOSE).update(claims).update(name).digest();
}
