/** What the recorder's methods stand on. */
import type { Clock } from '../../clock.ts';
import type { PushedTries } from '../../finalizer/finalization-tasks.ts';
import type { InvocationId } from '../../invocations/id.ts';
import type { Database } from '../../storage/database.ts';
import type { TaskQueue } from '../../tasks/queue.ts';
import type { Authorizer } from '../shared/permissions.ts';
import type { UpdateTokens } from './update-token.ts';

export interface RecorderParts {
  readonly db: Database;
  readonly clock: Clock;
  readonly updateTokens: UpdateTokens;
  readonly authorizer: Authorizer;
  readonly retention: Retention;
  readonly queue: Pick<TaskQueue, 'enqueue' | 'replace'>;
  /** Another way to have invocations tried, by experiment. */
  readonly pushed?: PushedTries;
  /** Told after the commit which invocations have changed; a hint, for watchers. */
  readonly onChange?: (ids: readonly InvocationId[]) => void | Promise<void>;
}

/** How long after its creation an invocation is kept, and the expected results in it. */
export interface Retention {
  readonly invocationMs: number;
  readonly expectedResultsMs: number;
}

const DAY_MS = 86_400_000;

export const DEFAULT_RETENTION: Retention = {
  invocationMs: 2 * 365 * DAY_MS,
  expectedResultsMs: 60 * DAY_MS,
};
