/**
 * Identifies the caller by an OIDC token: the one in POSTLUDE_ID_TOKEN, or one that the CI system gives
 * to jobs that ask for it. The latter expire after a few minutes, so we ask again before that, and once if
 * the server rejects a token. Only the server is ever shown a token.
 */

import { type Clock, toError } from '@postlude/queue/foundations';
import { decodeJwt } from 'jose';
import { CLIENT_VARIABLES } from '../../server/config/client-variables.ts';
import { type CliContext, CliError, EXIT } from '../context.ts';
import { isHeaderText } from './header-text.ts';
import { type IdTokenSource, idTokenSource } from './id-token-sources.ts';

/** The audience of tokens, unless the user names another. */
export const DEFAULT_AUDIENCE = 'postlude';

/** A token is replaced when this much of its lifetime is left, or half of it if that is less. */
const MARGIN_MS = 60_000;
const PAUSE_MS = 30_000;

export interface IdTokensOptions extends Pick<CliContext, 'clock' | 'env'> {
  readonly audience: string;
  readonly warn: (message: string) => void;
}

interface Held {
  readonly token: string;
  /** In the time of the monotonic clock: this machine's clock may be wrong, and only the issuer's counts. */
  readonly renewAt: number;
}

export class IdTokens {
  readonly #clock: Clock;
  readonly #source: IdTokenSource | undefined;
  readonly #warn: (message: string) => void;
  #held: Held | undefined;
  #pending: Promise<string | undefined> | undefined;
  #isTold = false;
  /** A source that has failed is not asked again before this time. */
  #askAgainAt = Number.NEGATIVE_INFINITY;

  constructor({ audience, clock, env, warn }: IdTokensOptions) {
    const given = givenToken(env[CLIENT_VARIABLES.idToken]);
    this.#clock = clock;
    this.#warn = warn;
    this.#source = idTokenSource(env, audience);
    if (given) this.#held = { token: given, renewAt: Number.POSITIVE_INFINITY };
  }

  /** Returns the token, or `undefined` if there is none; the call is then anonymous. */
  async current(): Promise<string | undefined> {
    const held = this.#held;
    if (held !== undefined && this.#clock.monotonicMs() < held.renewAt) return held.token;
    return await this.#renew();
  }

  /** Returns a token other than `refused`, which the server has rejected, or `undefined` if there is none. */
  async insteadOf(refused: string | undefined): Promise<string | undefined> {
    if (this.#held !== undefined && this.#held.token !== refused) return this.#held.token;
    const token = await this.#renew();
    return token === refused ? undefined : token;
  }

  /** Asks the CI system once, however many calls are waiting for a token. */
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

/**
 * Files and commands often add a line break at the end, which is no part of a token. Another character that
 * no header may hold is refused here, in words that do not quote the token, as the error of Headers does.
 */
function givenToken(text: string | undefined): string | undefined {
  const token = text?.trim();
  if (!token || isHeaderText(token)) return token;
  throw new CliError(
    `${CLIENT_VARIABLES.idToken} is not a token: it holds a space, a line break or the like`,
    EXIT.badInput,
  );
}

/** Computed from the issuer's times alone. A token without them is used until the server rejects it. */
function lifetimeOf(token: string): number {
  try {
    const { exp, iat, nbf } = decodeJwt(token);
    const from = iat ?? nbf;
    if (exp !== undefined && from !== undefined && exp > from) return (exp - from) * 1000;
  } catch {
    // The server decides whether it is a token.
  }
  return Number.POSITIVE_INFINITY;
}
