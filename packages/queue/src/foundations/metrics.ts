/** The interface for metrics. The server implements it with OpenTelemetry. */
import type { Clock } from './clock.ts';

export type MetricFields = Readonly<Record<string, string>>;

export interface Counter {
  add(amount: number, fields?: MetricFields): void;
}

export interface Histogram {
  record(value: number, fields?: MetricFields): void;
}

/** The values of a gauge when it is read, one for each set of fields. */
export type GaugeReadings = ReadonlyArray<{
  readonly value: number;
  readonly fields: MetricFields;
}>;

export interface MetricOptions {
  readonly description: string;
  /** The unit in UCUM: `ms`, `s`, `By`, `{task}`. */
  readonly unit?: string;
}

export interface Metrics {
  counter(name: string, options: MetricOptions): Counter;
  histogram(name: string, options: MetricOptions): Histogram;
  /** `read` is called when the metrics are collected. A series that it leaves out disappears. */
  gauge(name: string, options: MetricOptions, read: () => Promise<GaugeReadings>): void;
}

/** Records nothing; the default of library classes. */
export const noMetrics: Metrics = {
  counter: () => ({ add: () => undefined }),
  histogram: () => ({ record: () => undefined }),
  gauge: () => undefined,
};

export interface SharedReadingOptions {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly intervalMs: number;
  /** Whether a reading that fails counts for its interval, so that a database that is away is left alone. */
  readonly keepsFailures: boolean;
}

/**
 * Returns a function that calls `read` at most once per interval, however often it is called: all calls of
 * an interval get the same promise.
 */
export function sharedReading<T>(
  { clock, intervalMs, keepsFailures }: SharedReadingOptions,
  read: () => Promise<T>,
): () => Promise<T> {
  let latest: { readonly at: number; readonly reading: Promise<T> } | undefined;
  return () => {
    const at = clock.monotonicMs();
    if (latest !== undefined && at - latest.at < intervalMs) return latest.reading;
    const next = { at, reading: read() };
    latest = next;
    if (!keepsFailures) {
      next.reading.catch(() => {
        if (latest === next) latest = undefined;
      });
    }
    return next.reading;
  };
}
