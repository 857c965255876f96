/**
 * A session of one transaction that remembers its first failure. PostgreSQL ignores all that
 * follows it; so must we, also where a caller has swallowed or wrapped the error.
 */
import type { Session, SessionResult } from './session.ts';
import type { WireValue } from './types.ts';

export class WatchedSession implements Session {
  readonly #session: Session;
  #failure: { readonly error: unknown } | undefined;

  constructor(session: Session) {
    this.#session = session;
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
      return await operation();
    } catch (error) {
      this.#failure ??= { error };
      throw error;
    }
  }
}
