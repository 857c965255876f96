/**
 * The parts of postlude for programs of their own: the queue, the databases under it, and errors.
 * Clients of a server take the protos in proto/ with any Connect or gRPC library.
 */
export type { Clock, EpochMs } from './clock.ts';
export { systemClock } from './clock.ts';
export { CodedError, type ErrorCode, hasCode, PermanentError } from './errors.ts';
export type { Log, LogFields } from './log.ts';
export type {
  Counter,
  GaugeReadings,
  Histogram,
  MetricFields,
  MetricOptions,
  Metrics,
} from './metrics.ts';
export type { Backoff } from './retry.ts';
