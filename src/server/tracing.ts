/**
 * Traces by OpenTelemetry. Each call and each attempt of a task is a span, and has a trace id even
 * where nobody collects them, so that a line of the log can be found again. Spans are sent over
 * OTLP where the standard variables (OTEL_EXPORTER_OTLP_ENDPOINT and its kin) say so.
 */
import {
  type Attributes,
  type Context,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  NodeTracerProvider,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace-node';
import { toError } from '../errors.ts';

export interface Tracing {
  /** A span of a call, under the caller's where `headers` name it (`traceparent`). */
  startCall(name: string, attributes: Attributes, headers: Headers): Span;
  /** Runs `fn` in a span of its own; what `fn` throws ends it as failed. */
  run<T>(name: string, attributes: Attributes, fn: (span: Span) => Promise<T>): Promise<T>;
  /** Sends what is left. */
  close(): Promise<void>;
}

export interface TracingOptions {
  readonly serviceVersion: string;
  /** Where spans go: nowhere, over OTLP, or to a processor of the caller's. */
  readonly to: 'nowhere' | 'otlp' | SpanProcessor;
}

export function openTracing(options: TracingOptions): Tracing {
  const provider = new NodeTracerProvider({
    resource: defaultResource()
      .merge(
        resourceFromAttributes({
          'service.name': 'postlude',
          'service.version': options.serviceVersion,
        }),
      )
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: processorsFor(options.to),
  });
  const tracer = provider.getTracer('postlude');
  return {
    startCall: (name, attributes, headers) => startCall(tracer, name, attributes, headers),
    run: (name, attributes, fn) => runInSpan(tracer.startSpan(name, { attributes }), fn),
    close: () => provider.shutdown(),
  };
}

/** Ends a span that failed. */
export function endFailed(span: Span, error: unknown): void {
  const { message } = toError(error);
  span.recordException(toError(error));
  span.setStatus({ code: SpanStatusCode.ERROR, message });
  span.end();
}

function processorsFor(to: TracingOptions['to']): SpanProcessor[] {
  if (to === 'nowhere') return [];
  return [to === 'otlp' ? new BatchSpanProcessor(new OTLPTraceExporter()) : to];
}

function startCall(tracer: Tracer, name: string, attributes: Attributes, headers: Headers): Span {
  const parent = parentContext(headers.get('traceparent'));
  return tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, parent);
}

/** W3C Trace Context, section 3.2: version, trace id, parent id, flags. What is odd is ignored. */
function parentContext(traceparent: string | null): Context {
  const match = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-|$)/.exec(
    traceparent ?? '',
  );
  const [, traceId = '', spanId = '', flags = '00'] = match ?? [];
  const parent = { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true };
  return isSpanContextValid(parent) ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT;
}

async function runInSpan<T>(span: Span, fn: (span: Span) => Promise<T>): Promise<T> {
  try {
    const value = await fn(span);
    span.end();
    return value;
  } catch (error) {
    endFailed(span, error);
    throw error;
  }
}
