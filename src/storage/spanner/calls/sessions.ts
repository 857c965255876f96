/**
 * Sessions of one database, each for one transaction at a time. Spanner deletes those that have been
 * idle for an hour, so we forget them before; one that is lost all the same shows itself at its next
 * call, and is not given back.
 */
import type { Clock, EpochMs } from '../../../clock.ts';
import { CodedError } from '../../../errors.ts';
import type { Random } from '../../../random.ts';
import { retry } from '../../../retry.ts';
import { isBroken } from '../errors.ts';
import type { SpannerClient } from './client.ts';

const MAX_IDLE_MS = 45 * 60_000;
/** Short, so that whoever cannot be reached is known soon. */
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

  /** Calls `fn` with a session of its own; `fn` tells when it was lost. */
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

  /** Waits for the transactions under way, then deletes all sessions. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#taken > 0) {
      this.#drained = Promise.withResolvers();
      await this.#drained.promise;
    }
    const names = this.#idle.splice(0).map(({ name }) => name);
    // What is left over is deleted by its age.
    await Promise.allSettled(names.map((name) => this.#config.client.deleteSession(name)));
  }

  /** One that is created though its name was lost on the way is deleted by its age. */
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
      await turn.promise; // whoever leaves hands its place over
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
