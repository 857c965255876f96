/** The collaborators of the RPCs of PushTasks. */
import type { Clock } from '../../clock.ts';
import type { Database } from '../../storage/database.ts';
import type { Sweeper } from '../../tq/sweep/sweeper.ts';
import type { Authorizer } from '../shared/permissions.ts';

export interface PushTasksParts {
  readonly db: Database;
  readonly clock: Clock;
  readonly authorizer: Authorizer;
  /** The sweeper of this server. */
  readonly sweeper: Pick<Sweeper, 'runOnce'>;
}
