/** What the finalizer stands on. */
import type { Clock } from '../clock.ts';
import type { InvocationId } from '../invocations/id.ts';
import type { Database } from '../storage/database.ts';
import type { TaskQueue } from '../tasks/queue.ts';
import type { Bounds } from './bounds.ts';
import type { PushedTries } from './finalization-tasks.ts';

export interface FinalizerParts {
  readonly db: Database;
  readonly clock: Clock;
  readonly queue: Pick<TaskQueue, 'enqueue' | 'replace'>;
  /** Another way for tries, by experiment; none unless given. */
  readonly pushed?: PushedTries;
  /**
   * Told after the commit what has changed its state or what it waits for, so that watchers need
   * not poll. A hint: it may be lost.
   */
  readonly onChange?: (ids: readonly InvocationId[]) => void | Promise<void>;
  readonly bounds?: Bounds;
}
