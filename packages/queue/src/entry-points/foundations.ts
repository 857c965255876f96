/**
 * @postlude/queue/foundations: the small parts that postlude's packages stand on. Programs that keep
 * their own tables beside the queue's may use them too.
 */
export { atMost } from '../foundations/at-most.ts';
export { type Clock, type EpochMs, monotonicMs, systemClock } from '../foundations/clock.ts';
export { Batches, chunk, forEachLimit, Mutex } from '../foundations/concurrency.ts';
export {
  CodedError,
  type ErrorCode,
  type ErrorReason,
  hasCode,
  IgnoredError,
  PermanentError,
  toError,
} from '../foundations/errors.ts';
export { NOT_REGULAR, openRegularFile } from '../foundations/files/regular-file.ts';
export {
  type Bounds,
  boundedText,
  boundedValue,
  HIDDEN_CHARACTERS,
  visibleJson,
} from '../foundations/foreign-text.ts';
export { type Address, emulatorOptions, grpcOf } from '../foundations/grpc/google-grpc.ts';
export { type GrpcStatus, grpcStatusOf } from '../foundations/grpc/grpc-status.ts';
export { type Log, type LogFields, silentLog } from '../foundations/log.ts';
export { isLoopback, isLoopbackPeer, namesLoopback } from '../foundations/loopback.ts';
export {
  type Counter,
  type GaugeReadings,
  type Histogram,
  type MetricFields,
  type MetricOptions,
  type Metrics,
  noMetrics,
  type SharedReadingOptions,
  sharedReading,
} from '../foundations/metrics.ts';
export {
  authorityOf,
  type NodeServerRequest,
  type NodeServerResponse,
  type RequestHandler,
  respond,
} from '../foundations/node-messages.ts';
export {
  installCommand,
  isInstalled,
  loadOptional,
  type OptionalPackage,
  versionIn,
} from '../foundations/optional-package.ts';
export { makePasses, type PassesOptions } from '../foundations/passes.ts';
export {
  type Random,
  randomHex,
  randomInt,
  seededRandom,
  shuffled,
  systemRandom,
} from '../foundations/random.ts';
export {
  type Backoff,
  backoffCeilingMs,
  backoffMs,
  type RetryPolicy,
  retry,
} from '../foundations/retry.ts';
export { safeUrl } from '../foundations/safe-url.ts';
export { matchesWildcards } from '../foundations/wildcards.ts';
