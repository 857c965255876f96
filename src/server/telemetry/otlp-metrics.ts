/** Sends metrics over OTLP (HTTP, protobuf) to the collector that OpenTelemetry's own variables name. */
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import {
  AggregationTemporality,
  type IMetricReader,
  InstrumentType,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
} from '@opentelemetry/sdk-metrics';
import { type Log, toError } from '@postlude/queue/foundations';

export interface OtlpMetricsOptions {
  readonly intervalMs: number;
}

/** The limit of one collection and its transmission, unless the interval is shorter. */
const MAX_EXPORT_MS = 30_000;

export function otlpMetricReader({ intervalMs }: OtlpMetricsOptions, log: Log): IMetricReader {
  return new PeriodicExportingMetricReader({
    exporter: loggingFailures(new OTLPMetricExporter(), log),
    exportIntervalMillis: intervalMs,
    exportTimeoutMillis: Math.min(intervalMs, MAX_EXPORT_MS),
  });
}

/**
 * A gauge whose values were kept from one collection to the next would go on reporting the last value of a
 * series that no longer exists.
 */
export function temporalityOf(type: InstrumentType): AggregationTemporality {
  return type === InstrumentType.OBSERVABLE_GAUGE
    ? AggregationTemporality.DELTA
    : AggregationTemporality.CUMULATIVE;
}

/** OpenTelemetry itself keeps silent about a collector that it cannot reach. */
function loggingFailures(exporter: PushMetricExporter, log: Log): PushMetricExporter {
  return {
    export: (metrics, done) =>
      exporter.export(metrics, (result) => {
        if (result.error) log.warn('cannot send metrics', { error: toError(result.error) });
        done(result);
      }),
    forceFlush: () => exporter.forceFlush(),
    selectAggregationTemporality: temporalityOf,
    shutdown: () => exporter.shutdown(),
  };
}
