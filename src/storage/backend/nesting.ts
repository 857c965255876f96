/**
 * Refuses a transaction inside a transaction of the same database. On one connection the inner one
 * would wait for the outer for ever; on a pool, only under load. So it is refused everywhere.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

interface Scope {
  isOpen: boolean;
}

export class NestingGuard {
  readonly #scopes = new AsyncLocalStorage<Scope>();

  /** Runs `fn` as the inside of a transaction. */
  async enter<T>(fn: () => Promise<T>): Promise<T> {
    const scope: Scope = { isOpen: true };
    try {
      return await this.#scopes.run(scope, fn);
    } finally {
      // What `fn` has started may outlive the transaction, and may then begin others.
      scope.isOpen = false;
    }
  }

  /** Throws inside a transaction. */
  check(operation: string): void {
    if (this.#scopes.getStore()?.isOpen) {
      throw new Error(
        `${operation} inside a transaction of the same database would wait for itself: use the transaction that is passed in`,
      );
    }
  }
}
