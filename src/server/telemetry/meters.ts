/** OpenTelemetry metrics: in Prometheus' format on request, and over OTLP at an interval if that is asked for. */
import type { Attributes } from '@opentelemetry/api';
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { type IMetricReader, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { type Log, type MetricOptions, type Metrics, toError } from '@postlude/queue/foundations';
import { type OtlpMetricsOptions, otlpMetricReader, temporalityOf } from './otlp-metrics.ts';
import { serverResource } from './resource.ts';

/** A gauge that waits for an unresponsive database must not delay all the others. */
const COLLECT_TIMEOUT_MS = 5_000;

const BOUNDARIES: Readonly<Record<string, number[]>> = {
  s: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900],
  ms: [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000],
};

export interface Meters {
  readonly metrics: Metrics;
  /** Returns the current values in Prometheus' text format. */
  render(): Promise<string>;
  /** Sends the last values over OTLP, if they are sent at all. */
  close(): Promise<void>;
}

export interface MetersOptions {
  readonly log: Log;
  readonly serviceVersion?: string;
  /** If given, metrics are also sent over OTLP. */
  readonly otlp?: OtlpMetricsOptions | undefined;
}

export function openMeters({ log, serviceVersion = 'unknown', otlp }: MetersOptions): Meters {
  const onRequest = new PullReader();
  const readers: IMetricReader[] = [onRequest];
  if (otlp) readers.push(otlpMetricReader(otlp, log));
  const provider = new MeterProvider({ readers, resource: serverResource(serviceVersion) });
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
      const { resourceMetrics, errors } = await onRequest.collect({
        timeoutMillis: COLLECT_TIMEOUT_MS,
      });
      for (const error of errors) log.warn('cannot read a metric', { error: toError(error) });
      return serializer.serialize(resourceMetrics);
    },
    close: () => provider.shutdown(),
  };
}

/** A reader that collects only on request, so it has nothing to flush and nothing to stop. */
class PullReader extends MetricReader {
  constructor() {
    super({ aggregationTemporalitySelector: temporalityOf });
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
