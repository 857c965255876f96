/** @postlude/postlude/tq: push tasks that are delivered if and only if their transaction commits. */
export type { Clock, EpochMs } from '../clock.ts';
export { systemClock } from '../clock.ts';
export { CodedError, type ErrorCode, hasCode, IgnoredError, PermanentError } from '../errors.ts';
export type { Log, LogFields } from '../log.ts';
export type { Metrics } from '../metrics.ts';
export type { Database, Reader, Transaction } from '../storage/database.ts';
export { expressPush } from '../tq/adapters/express.ts';
export { fastifyPush, fastifyPushHandler } from '../tq/adapters/fastify.ts';
export { type FetchPushFacts, fetchPush } from '../tq/adapters/fetch.ts';
export { type NodePushOptions, nodePush } from '../tq/adapters/node.ts';
export { type JsonValue, protobufBody, standardBody, type TaskBody } from '../tq/body.ts';
export {
  type DestinationChecks,
  type DestinationProblem,
  findDestinationProblems,
} from '../tq/check-destinations.ts';
export { type CloudTasksOptions, CloudTasksSubmitter } from '../tq/cloud-tasks.ts';
export { type PubSubOptions, PubSubSubmitter } from '../tq/pub-sub.ts';
export {
  type AroundPush,
  createPushHandler,
  type PushConfig,
  type PushHandler,
} from '../tq/push.ts';
export type { PushAuthConfig } from '../tq/push-auth.ts';
export type { PushAnswer, PushRequest } from '../tq/push-request.ts';
export {
  type Deliver,
  type DeliveryLimits,
  deliverByHttp,
  deliverInProcess,
  deliveryHandler,
  type HttpDeliveryOptions,
  type InProcessDeliveryOptions,
} from '../tq/queue-delivery.ts';
export { QueueSubmitter } from '../tq/queue-submitter.ts';
export type { DeadReminder, Reminder } from '../tq/reminder.ts';
export { listDeadReminders, listReminders, redriveReminders } from '../tq/reminders.ts';
export type { RequestSettings } from '../tq/request.ts';
export {
  type QueueRequest,
  SubmitError,
  type SubmitOutcome,
  type SubmitRequest,
  type Submitter,
  type TopicRequest,
} from '../tq/submitter.ts';
export { SubmitterByKind } from '../tq/submitter-by-kind.ts';
export { DistributedSweep, type DistributedSweepConfig } from '../tq/sweep/distributed.ts';
export { type SweepTaskClass, sweepTaskClass } from '../tq/sweep/sweep-task.ts';
export { Sweeper, type SweeperConfig, type SweepSummary } from '../tq/sweep/sweeper.ts';
export {
  type CustomRequest,
  type NewPushTask,
  type PushTaskContext,
  type PushTaskHandler,
  type TaskClass,
  type TaskKind,
  taskClass,
} from '../tq/task-class.ts';
export { TaskClasses } from '../tq/task-classes.ts';
export { type AddOutcome, Tq, type TqConfig } from '../tq/tq.ts';
