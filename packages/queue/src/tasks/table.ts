/** The queue's two tables: living tasks and dead tasks. */
import { bool, bytes, int, nullable, text, timestamp } from '../storage/column.ts';
import { table, withIndexes } from '../storage/table.ts';

/** The column `invocation_id` holds `Lease.subject`. */
export const tasks = withIndexes(
  table(
    'tasks',
    {
      type: text,
      id: text,
      invocationId: nullable(text),
      payload: nullable(bytes),
      createTime: timestamp,
      processAfter: timestamp,
      attempt: int,
      fence: int,
      leaseUntil: nullable(timestamp),
      lastError: nullable(text),
      begun: nullable(bool),
      deaths: nullable(int),
    },
    ['type', 'id'],
  ),
  [['shard', 'type', 'processAfter', 'id', 'leaseUntil']],
);

export const deadTasks = withIndexes(
  table(
    'dead_tasks',
    {
      type: text,
      id: text,
      invocationId: nullable(text),
      payload: nullable(bytes),
      createTime: timestamp,
      deadTime: timestamp,
      attempt: int,
      fence: int,
      reason: text,
    },
    ['type', 'id'],
  ),
  [['deadTime', 'type', 'id']],
);
