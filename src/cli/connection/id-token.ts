/**
 * Says who calls, by an OIDC token: the one in POSTLUDE_ID_TOKEN, or one that the CI system gives to
 * jobs that ask for it. Those live a few minutes, so we ask again before one ends, and once where the
 * server does not take it. A token is never shown to anybody but the server.
 */
import { decodeJwt } from 'jose';
import type { Clock } from '../../clock.ts';
import { toError } from '../../errors.ts';
import { CLIENT_VARIABLES } from '../../server/config/client-variables.ts';
import type { CliContext } from '../context.ts';
import { type IdTokenSource, idTokenSource } from './id-token-sources.ts';

/** For whom tokens are made, unless the user says otherwise. */
export const DEFAULT_AUDIENCE = 'postlude';

/** A token is replaced when so much of its life is left, or half of it where that is less. */
const MARGIN_MS = 60_000;
const PAUSE_MS = 30_000;

export interface IdTokensOptions extends Pick<CliContext, 'clock' | 'env'> {
  readonly audience: string;
  readonly warn: (message: string) => void;
}

interface Held {
  readonly token: string;
  /** By the monotonic clock: ours may be set wrong, and only the issuer's counts. */
  readonly renewAt: number;
}

export class IdTokens {
  readonly #clock: Clock;
  readonly #source: IdTokenSource | undefined;
  readonly #warn: (message: string) => void;
  #held: Held | undefined;
  #pending: Promise<string | undefined> | undefined;
  #isTold = false;
  /** Who did not answer just now is left alone a while. */
  #askAgainAt = Number.NEGATIVE_INFINITY;

  constructor({ audience, clock, env, warn }: IdTokensOptions) {
    const given = env[CLIENT_VARIABLES.idToken];
    this.#clock = clock;
    this.#warn = warn;
    this.#source = idTokenSource(env, audience);
    if (given) this.#held = { token: given, renewAt: Number.POSITIVE_INFINITY };
  }

  /** `undefined`: there is none, and the call is anonymous. */
  async current(): Promise<string | undefined> {
    const held = this.#held;
    if (held !== undefined && this.#clock.monotonicMs() < held.renewAt) return held.token;
    return await this.#renew();
  }

  /** Another one than `refused`, which the server has not taken; `undefined` where there is none. */
  async insteadOf(refused: string | undefined): Promise<string | undefined> {
    if (this.#held !== undefined && this.#held.token !== refused) return this.#held.token;
    const token = await this.#renew();
    return token === refused ? undefined : token;
  }

  /** However many calls want one, the CI system is asked once. */
  #renew(): Promise<string | undefined> {
    this.#pending ??= this.#ask().finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  async #ask(): Promise<string | undefined> {
    const now = this.#clock.monotonicMs();
    if (this.#source === undefined || now < this.#askAgainAt) return this.#held?.token;
    try {
      const token = await this.#source.request();
      const lifetimeMs = lifetimeOf(token);
      const renewAt = now + lifetimeMs - Math.min(MARGIN_MS, lifetimeMs / 2);
      this.#held = { token, renewAt };
    } catch (error) {
      this.#askAgainAt = now + PAUSE_MS;
      const message = `cannot get an OIDC token from ${this.#source.name}: ${toError(error).message}`;
      if (!this.#isTold) this.#warn(message);
      this.#isTold = true;
    }
    return this.#held?.token;
  }
}

/** By the clock of its issuer alone. A token that does not tell is used until it is refused. */
function lifetimeOf(token: string): number {
  try {
    const { exp, iat, nbf } = decodeJwt(token);
    const from = iat ?? nbf;
    if (exp !== undefined && from !== undefined && exp > from) return (exp - from) * 1000;
  } catch {
    // The server says whether it is one.
  }
  return Number.POSITIVE_INFINITY;
}
