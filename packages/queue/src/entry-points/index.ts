/** @postlude/queue: a durable, transactional, fenced task queue in your own database. */
export type { Clock, EpochMs } from '../foundations/clock.ts';
export { systemClock } from '../foundations/clock.ts';
export { CodedError, type ErrorCode, hasCode, PermanentError } from '../foundations/errors.ts';
export type { Log, LogFields } from '../foundations/log.ts';
export type { Metrics } from '../foundations/metrics.ts';
export type { Backoff } from '../foundations/retry.ts';
export type { Database, Reader, Transaction } from '../storage/database.ts';
export type {
  DeadTask,
  DeadTaskPage,
  DeadTaskSelection,
  DeadTaskSummary,
} from '../tasks/dead-tasks.ts';
export { Dispatcher } from '../tasks/dispatch/dispatcher.ts';
export type { DispatcherOptions } from '../tasks/dispatch/dispatcher-options.ts';
export type {
  AnyHandler,
  BatchContext,
  BatchTaskHandler,
  FailOptions,
  HandlerContext,
  HandlerSettings,
  Outcome,
  Task,
  TaskHandler,
} from '../tasks/dispatch/handler.ts';
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
export { TaskQueue, type TaskQueueOptions } from '../tasks/queue.ts';
export type { FailedAttempt, FinalFailure } from '../tasks/settle/task-settlement.ts';
export {
  checkTaskId,
  checkTypeName,
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
