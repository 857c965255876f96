/** The collaborators of the finalizer. */

import type { TaskQueue } from '@postlude/queue';
import type { Clock } from '@postlude/queue/foundations';
import type { Database } from '@postlude/queue/storage';
import type { NewInvocationRows } from '../exporter/invocation-rows.ts';
import type { InvocationId } from '../invocations/id.ts';
import type { Bounds } from './bounds.ts';
import type { PushedTries } from './finalization-tasks.ts';

export interface FinalizerParts {
  readonly db: Database;
  readonly clock: Clock;
  readonly queue: Pick<TaskQueue, 'enqueue' | 'replace'>;
  /**
   * The pushed way for tries, which an experiment switches on. Tries go into the queue unless
   * given.
   */
  readonly pushed?: PushedTries;
  /** The table that each invocation gets a row in once it is FINALIZED; none unless given. */
  readonly invocationRows?: NewInvocationRows['table'] | undefined;
  /**
   * Is called after the commit with the invocations whose state or blocker has changed, so that
   * watchers need not poll. It is a hint and may be lost.
   */
  readonly onChange?: (ids: readonly InvocationId[]) => void | Promise<void>;
  readonly bounds?: Bounds;
}
