/** What the reading methods stand on. */
import type { Clock } from '../clock.ts';
import type { Sink } from '../exporter/sink.ts';
import type { InvocationChanges } from '../rpc/invocation-changes.ts';
import type { Authorizer } from '../rpc/permissions.ts';
import type { Database } from '../storage/database.ts';
import type { TaskQueue } from '../tasks/queue.ts';
import type { Sweeper } from '../tq/sweep/sweeper.ts';
import type { ReachableSets } from './reachable-sets.ts';

export interface QueryParts {
  readonly db: Database;
  readonly clock: Clock;
  readonly authorizer: Authorizer;
  readonly queue: TaskQueue;
  readonly sink: Pick<Sink, 'find'>;
  readonly reachableSets: ReachableSets;
  readonly changes: InvocationChanges;
  /** Of this server. */
  readonly sweeper: Pick<Sweeper, 'runOnce'>;
}
