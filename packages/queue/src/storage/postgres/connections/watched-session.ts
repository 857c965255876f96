/**
 * A session of one transaction that remembers its first failure. PostgreSQL ignores all statements after it,
 * so the transaction must fail with it, even if a caller has swallowed or wrapped the error.
 */
import type { Session, SessionResult } from '../session.ts';
import type { WireParam } from '../types.ts';

export class WatchedSession implements Session {
  readonly #session: Session;
  #ahead: Promise<unknown>;
  #failure: { readonly error: unknown } | undefined;

  constructor(session: Session) {
    this.#session = session;
    this.#ahead = Promise.resolve();
  }

  /**
   * The result of a statement that was sent without waiting. The results of later statements are not used
   * before it has succeeded; if it fails, its error is the reason why the later ones fail.
   */
  follow(ahead: Promise<unknown>): void {
    this.#ahead = Promise.all([this.#ahead, ahead]);
    this.#ahead.catch(() => undefined); // the statements after it throw this
  }

  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  run(text: string, values?: readonly WireParam[]): Promise<SessionResult> {
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
