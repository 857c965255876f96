/** The collaborators of the RPCs of PushTasks. */
import type { Clock } from '@postlude/queue/foundations';
import type { Database } from '@postlude/queue/storage';
import type { Sweeper } from '@postlude/queue/tq';
import type { Authorizer } from '../shared/permissions.ts';

export interface PushTasksParts {
  readonly db: Database;
  readonly clock: Clock;
  readonly authorizer: Authorizer;
  /** The sweeper of this server. */
  readonly sweeper: Pick<Sweeper, 'runOnce'>;
}
