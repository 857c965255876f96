/** The collaborators of the RPCs of Exports. */

import type { TaskInspector, TaskQueue } from '@postlude/queue';
import type { Clock } from '@postlude/queue/foundations';
import type { Database } from '@postlude/queue/storage';
import type { Sink } from '../../exporter/sink.ts';
import type { Authorizer } from '../shared/permissions.ts';

export interface ExportsParts {
  readonly db: Database;
  readonly clock: Clock;
  readonly authorizer: Authorizer;
  readonly queue: Pick<TaskQueue, 'enqueue'>;
  readonly inspector: TaskInspector;
  readonly sink: Pick<Sink, 'find' | 'checkAgain'>;
}
