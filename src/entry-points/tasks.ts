/** @postlude/postlude/tasks: a durable, transactional, fenced task queue in your own database. */
export type { Clock, EpochMs } from '../clock.ts';
export { systemClock } from '../clock.ts';
export { CodedError, type ErrorCode, hasCode, PermanentError } from '../errors.ts';
export type { Log, LogFields } from '../log.ts';
export type { Metrics } from '../metrics.ts';
export type { Backoff } from '../retry.ts';
export {
  bool,
  bytes,
  type Columns,
  type ColumnType,
  float,
  int,
  nullable,
  type RowOf,
  text,
  textArray,
  timestamp,
} from '../storage/column.ts';
export type { Database, Reader, Transaction } from '../storage/database.ts';
export { type Sql, type SqlValue, sql } from '../storage/sql.ts';
export {
  type Key,
  type NewRow,
  type Row,
  type RowUpdate,
  type Table,
  table,
} from '../storage/table.ts';
export type { DeadTask, DeadTaskPage, DeadTaskSelection } from '../tasks/dead-tasks.ts';
export { Dispatcher, type DispatcherConfig } from '../tasks/dispatch/dispatcher.ts';
export type { HandlerContext, Outcome, Task, TaskHandler } from '../tasks/dispatch/handler.ts';
export type { TaskPage, TaskState, TaskSummary } from '../tasks/inspect/list-tasks.ts';
export type { QueueDepth } from '../tasks/inspect/queue-depth.ts';
export { TaskInspector, type TaskInspectorOptions } from '../tasks/inspect/task-inspector.ts';
export {
  UnknownTypeWatch,
  type UnknownTypeWatchParts,
} from '../tasks/inspect/unknown-type-watch.ts';
export {
  bytesPayload,
  type JsonForm,
  type JsonPayload,
  type JsonValue,
  jsonPayload,
  noPayload,
  type Payload,
  protobufPayload,
  standardPayload,
} from '../tasks/payload.ts';
export { TaskQueue, type TaskQueueConfig } from '../tasks/queue.ts';
export type { FailedAttempt, FinalFailure } from '../tasks/settle/task-settlement.ts';
export {
  type EnqueueOutcome,
  type Lease,
  type LeaseId,
  type LeaseLimit,
  type NewTask,
  type SettleOutcome,
  type TaskType,
  taskType,
} from '../tasks/task.ts';
export { observeQueue } from '../tasks/task-metrics.ts';
export { DatabaseWakeUp, LocalWakeUp, type WakeUp } from '../tasks/wake-up.ts';
