/** The collaborators of the RPCs of Tasks. */
import type { Database } from '../../storage/database.ts';
import type { TaskInspector } from '../../tasks/inspect/task-inspector.ts';
import type { TaskQueue } from '../../tasks/queue.ts';
import type { Authorizer } from '../shared/permissions.ts';

export interface TasksParts {
  readonly db: Database;
  readonly authorizer: Authorizer;
  readonly queue: Pick<TaskQueue, 'redrive'>;
  readonly inspector: TaskInspector;
}
