/**
 * What all parts of postlude share: clocks, errors, logs and metrics. The parts themselves are entries of
 * their own: `@postlude/postlude/tasks`, `/tq`, `/finalizer` and `/exporter`, with the databases under them,
 * `/pglite`, `/postgres` and `/spanner`. Clients of a server take the protos in proto/ with any Connect or
 * gRPC library.
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
