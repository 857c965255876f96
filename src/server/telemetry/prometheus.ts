/** OpenTelemetry metrics in Prometheus' format, collected on request. */
import type { Attributes } from '@opentelemetry/api';
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import {
  AggregationTemporality,
  InstrumentType,
  MeterProvider,
  MetricReader,
} from '@opentelemetry/sdk-metrics';
import { type Log, type MetricOptions, type Metrics, toError } from '@postlude/queue/foundations';

/** A gauge that waits for an unresponsive database must not delay all the others. */
const COLLECT_TIMEOUT_MS = 5_000;

const BOUNDARIES: Readonly<Record<string, number[]>> = {
  s: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900],
  ms: [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000],
};

export interface PrometheusMetrics {
  readonly metrics: Metrics;
  /** Returns the current values in Prometheus' text format. */
  render(): Promise<string>;
}

export function openPrometheus(log: Log): PrometheusMetrics {
  const reader = new PullReader();
  const provider = new MeterProvider({ readers: [reader] });
  const meter = provider.getMeter('postlude');
  const serializer = new PrometheusSerializer(undefined, false, undefined, true, true);
  return {
    metrics: {
      counter: (name, options) => meter.createCounter(name, options),
      histogram: (name, options) => meter.createHistogram(name, withBoundaries(options)),
      gauge(name, options, read) {
        meter.createObservableGauge(name, options).addCallback(async (observed) => {
          for (const { value, fields } of await read())
            observed.observe(value, fields as Attributes);
        });
      },
    },
    async render() {
      const { resourceMetrics, errors } = await reader.collect({
        timeoutMillis: COLLECT_TIMEOUT_MS,
      });
      for (const error of errors) log.warn('cannot read a metric', { error: toError(error) });
      return serializer.serialize(resourceMetrics);
    },
  };
}

/** A reader that collects only on request, so it has nothing to flush and nothing to stop. */
class PullReader extends MetricReader {
  constructor() {
    super({
      // Otherwise a gauge would keep reporting the last value of a series that no longer exists.
      aggregationTemporalitySelector: (type) =>
        type === InstrumentType.OBSERVABLE_GAUGE
          ? AggregationTemporality.DELTA
          : AggregationTemporality.CUMULATIVE,
    });
  }

  protected override onForceFlush(): Promise<void> {
    return Promise.resolve();
  }

  protected override onShutdown(): Promise<void> {
    return Promise.resolve();
  }
}

function withBoundaries(options: MetricOptions): MetricOptions & {
  readonly advice?: { readonly explicitBucketBoundaries: number[] };
} {
  const explicitBucketBoundaries = BOUNDARIES[options.unit ?? ''];
  return explicitBucketBoundaries ? { ...options, advice: { explicitBucketBoundaries } } : options;
}
