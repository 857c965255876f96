/** The collaborators of the RPCs of Tasks. */

import type { TaskInspector, TaskQueue } from '@postlude/queue';
import type { Database } from '@postlude/queue/storage';
import type { Authorizer } from '../shared/permissions.ts';

export interface TasksParts {
  readonly db: Database;
  readonly authorizer: Authorizer;
  readonly queue: Pick<TaskQueue, 'redrive'>;
  readonly inspector: TaskInspector;
}
