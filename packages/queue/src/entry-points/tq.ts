/** @postlude/queue/tq: push tasks that are delivered if and only if their transaction commits. */
export type { Clock, EpochMs } from '../foundations/clock.ts';
export { systemClock } from '../foundations/clock.ts';
export {
  CodedError,
  type ErrorCode,
  hasCode,
  IgnoredError,
  PermanentError,
} from '../foundations/errors.ts';
export type { Log, LogFields } from '../foundations/log.ts';
export type { Metrics } from '../foundations/metrics.ts';
export type { Database, Reader, Transaction } from '../storage/database.ts';
export {
  bytesPayload,
  type JsonForm,
  type JsonPayload,
  type JsonValue,
  jsonPayload,
  noPayload,
  protobufPayload,
  standardPayload,
} from '../tasks/payload.ts';
export {
  type CustomRequest,
  type NewPushTask,
  type PushTask,
  type PushTaskContext,
  type PushTaskHandler,
  type TaskClass,
  type TaskKind,
  taskClass,
} from '../tq/classes/task-class.ts';
export { TaskClasses } from '../tq/classes/task-classes.ts';
export { expressPush } from '../tq/receive/adapters/express.ts';
export { fastifyPush, fastifyPushHandler } from '../tq/receive/adapters/fastify.ts';
export { type FetchPushFacts, fetchPush } from '../tq/receive/adapters/fetch.ts';
export { type NodePushOptions, nodePush } from '../tq/receive/adapters/node.ts';
export {
  type AroundPush,
  createPushHandler,
  type PushHandler,
  type PushOptions,
} from '../tq/receive/push.ts';
export type { PushAuthOptions } from '../tq/receive/push-auth.ts';
export type { PushRequest, PushResponse } from '../tq/receive/push-request.ts';
export {
  type Deliver,
  type DeliveryLimits,
  deliverByHttp,
  deliverInProcess,
  deliveryHandler,
  type HttpDeliveryOptions,
  type InProcessDeliveryOptions,
} from '../tq/receive/queue-delivery.ts';
export { type DeadReminder, isFresh, type Reminder } from '../tq/reminders/reminder.ts';
export { observeReminders } from '../tq/reminders/reminder-gauges.ts';
export { listDeadReminders, listReminders, redriveReminders } from '../tq/reminders/reminders.ts';
export {
  type DestinationChecks,
  type DestinationProblem,
  findDestinationProblems,
} from '../tq/submit/check-destinations.ts';
export { type CloudTasksOptions, CloudTasksSubmitter } from '../tq/submit/cloud-tasks.ts';
export { type PubSubOptions, PubSubSubmitter } from '../tq/submit/pub-sub.ts';
export { QueueSubmitter } from '../tq/submit/queue-submitter.ts';
export { type RequestSettings, traceparentOfHeaders } from '../tq/submit/request.ts';
export { SubmitError } from '../tq/submit/submit-error.ts';
export type {
  QueueRequest,
  SubmitOutcome,
  SubmitRequest,
  Submitter,
  TopicRequest,
} from '../tq/submit/submitter.ts';
export { SubmitterByKind } from '../tq/submit/submitter-by-kind.ts';
export { DistributedSweep, type DistributedSweepOptions } from '../tq/sweep/distributed.ts';
export { type SweepTaskClass, sweepTaskClass } from '../tq/sweep/sweep-task.ts';
export { Sweeper, type SweeperOptions, type SweepSummary } from '../tq/sweep/sweeper.ts';
export { type AddOutcome, Tq, type TqOptions } from '../tq/tq.ts';
