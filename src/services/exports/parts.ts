/** The collaborators of the RPCs of Exports. */
import type { Sink } from '../../exporter/sink.ts';
import type { Database } from '../../storage/database.ts';
import type { TaskInspector } from '../../tasks/inspect/task-inspector.ts';
import type { TaskQueue } from '../../tasks/queue.ts';
import type { Authorizer } from '../shared/permissions.ts';

export interface ExportsParts {
  readonly db: Database;
  readonly authorizer: Authorizer;
  readonly queue: Pick<TaskQueue, 'enqueue'>;
  readonly inspector: TaskInspector;
  readonly sink: Pick<Sink, 'find'>;
}
