/**
 * A session of one transaction that remembers its first failure. PostgreSQL ignores all that
 * follows it; so must we, also where a caller has swallowed or wrapped the error.
 */
import type { Session, SessionResult } from '../session.ts';
import type { WireValue } from '../types.ts';

export class WatchedSession implements Session {
  readonly #session: Session;
  #ahead: Promise<unknown>;
  #failure: { readonly error: unknown } | undefined;

  constructor(session: Session) {
    this.#session = session;
    this.#ahead = Promise.resolve();
  }

  /**
   * Of a statement that was sent ahead: no answer to a later one is believed before it has succeeded,
   * and where it fails, that is why the later ones do.
   */
  follow(ahead: Promise<unknown>): void {
    this.#ahead = Promise.all([this.#ahead, ahead]);
    this.#ahead.catch(() => undefined); // seen by the statements behind it
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
      await this.#ahead;
      return value;
    } catch (error) {
      this.#failure ??= { error: await this.#causeOf(error) };
      throw this.#failure.error;
    }
  }

  async #causeOf(error: unknown): Promise<unknown> {
    try {
      await this.#ahead;
      return error;
    } catch (cause) {
      return cause;
    }
  }
}
