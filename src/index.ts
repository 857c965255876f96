/**
 * The types that all parts of postlude share: clocks, errors, logs and metrics. Each part has an entry of its
 * own: `@postlude/postlude/tasks`, `/tq`, `/finalizer` and `/exporter`, and for the databases `/pglite`,
 * `/postgres` and `/spanner`. Clients of a server use the protos in proto/ with any Connect or gRPC library.
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
