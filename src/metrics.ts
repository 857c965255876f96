/** Metrics as the rest of the code sees them. The server puts OpenTelemetry behind them. */

export type MetricFields = Readonly<Record<string, string>>;

export interface Counter {
  add(amount: number, fields?: MetricFields): void;
}

export interface Histogram {
  record(value: number, fields?: MetricFields): void;
}

/** What a gauge reports when it is read: one value for each set of fields. */
export type GaugeReadings = ReadonlyArray<{
  readonly value: number;
  readonly fields: MetricFields;
}>;

export interface MetricOptions {
  readonly description: string;
  /** UCUM: `ms`, `s`, `By`, `{task}`. */
  readonly unit?: string;
}

export interface Metrics {
  counter(name: string, options: MetricOptions): Counter;
  histogram(name: string, options: MetricOptions): Histogram;
  /** `read` is called when the metrics are collected; a series it leaves out disappears. */
  gauge(name: string, options: MetricOptions, read: () => Promise<GaugeReadings>): void;
}

/** Counts nothing: the default of library classes. */
export const noMetrics: Metrics = {
  counter: () => ({ add: () => undefined }),
  histogram: () => ({ record: () => undefined }),
  gauge: () => undefined,
};
