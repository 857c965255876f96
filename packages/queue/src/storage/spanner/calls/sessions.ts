/**
 * The sessions of one database, each of which serves one transaction at a time. Spanner deletes sessions that
 * have been idle for an hour, so they are dropped before that. If one is lost all the same, its next call
 * fails, and it is not returned to the pool.
 */
import type { Clock, EpochMs } from '../../../foundations/clock.ts';
import { CodedError } from '../../../foundations/errors.ts';
import type { Random } from '../../../foundations/random.ts';
import { retry } from '../../../foundations/retry.ts';
import { isBroken } from '../errors.ts';
import type { SpannerClient } from './client.ts';

const MAX_IDLE_MS = 45 * 60_000;
/** Short, so that a server that cannot be reached is noticed soon. */
const CREATION = { backoff: { initialMs: 50, maxMs: 400 }, maxAttempts: 5 };

export type SessionState = 'usable' | 'lost';

export interface SessionsConfig {
  readonly client: SpannerClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly maxSessions: number;
}

interface IdleSession {
  readonly name: string;
  readonly usedAt: EpochMs;
}

export class Sessions {
  readonly #config: SessionsConfig;
  readonly #idle: IdleSession[] = [];
  readonly #waiting: PromiseWithResolvers<void>[] = [];
  #taken = 0;
  #isClosed = false;
  #drained: PromiseWithResolvers<void> | undefined;

  constructor(config: SessionsConfig) {
    this.#config = config;
  }

  /** Calls `fn` with a session of its own; `fn` reports whether the session was lost. */
  async use<T>(fn: (session: string, lose: () => void) => Promise<T>): Promise<T> {
    await this.#enter();
    let state: SessionState = 'usable';
    let name: string | undefined;
    try {
      name = this.#takeIdle() ?? (await this.#create());
      return await fn(name, () => {
        state = 'lost';
      });
    } finally {
      this.#leave(name, state);
    }
  }

  /** Waits for the open transactions, then deletes all sessions. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#taken > 0) {
      this.#drained = Promise.withResolvers();
      await this.#drained.promise;
    }
    const names = this.#idle.splice(0).map(({ name }) => name);
    // Spanner deletes the remaining sessions when they expire.
    await Promise.allSettled(names.map((name) => this.#config.client.deleteSession(name)));
  }

  /** If the response with a session's name is lost, Spanner deletes the orphaned session after an hour. */
  #create(): Promise<string> {
    const { client, clock, random } = this.#config;
    const policy = { ...CREATION, clock, random, isRetryable: isBroken };
    return retry(policy, () => client.createSession());
  }

  async #enter(): Promise<void> {
    if (this.#isClosed) throw new CodedError('failed-precondition', 'the database has been closed');
    if (this.#taken >= this.#config.maxSessions) {
      const turn = Promise.withResolvers<void>();
      this.#waiting.push(turn);
      await turn.promise; // a caller that is done hands over its place
      return;
    }
    this.#taken += 1;
  }

  #leave(name: string | undefined, state: SessionState): void {
    if (name !== undefined && state === 'usable') {
      this.#idle.push({ name, usedAt: this.#config.clock.now() });
    }
    const next = this.#waiting.shift();
    if (next) {
      next.resolve();
      return;
    }
    this.#taken -= 1;
    if (this.#taken === 0) this.#drained?.resolve();
  }

  #takeIdle(): string | undefined {
    const oldest = this.#config.clock.now() - MAX_IDLE_MS;
    const session = this.#idle.pop();
    if (!session || session.usedAt >= oldest) return session?.name;
    this.#idle.length = 0; // the others have been idle for longer
    return undefined;
  }
}
