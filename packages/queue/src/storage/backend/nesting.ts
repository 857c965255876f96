/**
 * Refuses a transaction inside a transaction of the same database. On a single connection the inner one
 * would always wait for the outer one for ever, and on a pool only under load; so all backends refuse it.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

interface Scope {
  isOpen: boolean;
}

export class NestingGuard {
  readonly #scopes = new AsyncLocalStorage<Scope>();

  /** Runs `fn`, and treats it as being inside a transaction. */
  async enter<T>(fn: () => Promise<T>): Promise<T> {
    const scope: Scope = { isOpen: true };
    try {
      return await this.#scopes.run(scope, fn);
    } finally {
      // Work that `fn` has started may outlive the transaction, and may begin transactions then.
      scope.isOpen = false;
    }
  }

  /** Throws if it is called inside a transaction. */
  check(operation: string): void {
    if (this.#scopes.getStore()?.isOpen) {
      throw new Error(
        `${operation} inside a transaction of the same database would wait for itself: use the transaction that is passed in`,
      );
    }
  }
}
