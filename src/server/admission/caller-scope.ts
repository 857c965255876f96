/**
 * For whom the process works at this moment. The caller of an RPC is known along all that its call waits
 * for, so that what serves one at a time, as an embedded database does, can serve callers in turn.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Party } from './party.ts';

export interface CallerScope {
  /** Set once the caller is known. */
  party?: Party;
}

const scopes = new AsyncLocalStorage<CallerScope>();

export function runFor<T>(scope: CallerScope, fn: () => Promise<T>): Promise<T> {
  return scopes.run(scope, fn);
}

/** Returns the caller's name; `undefined` while the server works on its own behalf. */
export function presentCaller(): string | undefined {
  return scopes.getStore()?.party?.name;
}
