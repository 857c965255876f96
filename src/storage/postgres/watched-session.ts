/**
 * A session of one transaction that remembers its first failure. PostgreSQL ignores all that
 * follows it; so must we, also where a caller has swallowed or wrapped the error.
 */
import type { Session, SessionResult } from './session.ts';
import type { WireValue } from './types.ts';

export class WatchedSession implements Session {
  readonly #session: Session;
  readonly #begun: Promise<unknown>;
  #failure: { readonly error: unknown } | undefined;

  /** `begun`: where BEGIN was sent ahead; no answer is believed before it has succeeded. */
  constructor(session: Session, begun: Promise<unknown> = Promise.resolve()) {
    this.#session = session;
    this.#begun = begun;
  }

  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  run(text: string, values?: readonly WireValue[]): Promise<SessionResult> {
    return this.#watch(() => this.#session.run(text, values));
  }

  runScript(text: string): Promise<void> {
    return this.#watch(() => this.#session.runScript(text));
  }

  /** Throws the first failure, if there was one. */
  check(): void {
    if (this.#failure) throw this.#failure.error;
  }

  async #watch<T>(operation: () => Promise<T>): Promise<T> {
    this.check();
    try {
      const value = await operation();
      await this.#begun;
      return value;
    } catch (error) {
      this.#failure ??= { error };
      throw error;
    }
  }
}
