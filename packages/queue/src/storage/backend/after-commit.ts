import { toError } from '../../foundations/errors.ts';
import type { Log } from '../../foundations/log.ts';

export type AfterCommit = () => void | Promise<void>;

/**
 * Calls the callbacks, the newest first. If one throws, the error is logged and the others are still
 * called.
 */
export async function runAfterCommit(calls: readonly AfterCommit[], log: Log): Promise<void> {
  for (const call of calls.toReversed()) {
    try {
      const pending = call();
      if (pending) await pending;
    } catch (error) {
      log.error('a callback after a commit failed', { error: toError(error) });
    }
  }
}
