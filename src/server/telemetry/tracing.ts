/**
 * Traces with OpenTelemetry. Each call and each attempt of a task is a span. It has a trace id even if
 * no spans are collected, so that log lines can be matched. Spans are sent over OTLP if the standard
 * variables (OTEL_EXPORTER_OTLP_ENDPOINT and related ones) ask for it.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Attributes,
  type Context,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import {
  BatchSpanProcessor,
  NodeTracerProvider,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace-node';
import { boundedText, toError } from '@postlude/queue/foundations';
import { serverResource } from './resource.ts';

export interface Tracing {
  /** Starts the span of a call, below the caller's span if `headers` name one (`traceparent`). */
  startCall(name: string, attributes: Attributes, headers: Headers): Span;
  /** Runs `fn` with `span` as the active span. */
  within<T>(span: Span, fn: () => Promise<T>): Promise<T>;
  /** Runs `fn` in a new active span. If `fn` throws, the span ends as failed. */
  run<T>(name: string, options: RunOptions, fn: (span: Span) => Promise<T>): Promise<T>;
  /** Returns the W3C trace context of the active span, for work that is done elsewhere. */
  traceparent(): string | undefined;
  /** Sends the remaining spans. */
  close(): Promise<void>;
}

export interface RunOptions {
  readonly attributes: Attributes;
  /** The trace context of the parent span; none by default. */
  readonly traceparent?: string | undefined;
}

export interface TracingOptions {
  readonly serviceVersion: string;
  /** The destination of spans: none, OTLP, or a processor of the caller's own. */
  readonly to: 'nowhere' | 'otlp' | SpanProcessor;
}

export function openTracing(options: TracingOptions): Tracing {
  const provider = new NodeTracerProvider({
    resource: serverResource(options.serviceVersion),
    spanProcessors: processorsFor(options.to),
  });
  const tracer = provider.getTracer('postlude');
  const active = new AsyncLocalStorage<Span>();
  return {
    startCall: (name, attributes, headers) => {
      const parent = parentContext(headers.get('traceparent') ?? undefined);
      return tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, parent);
    },
    within: (span, fn) => active.run(span, fn),
    run: (name, { attributes, traceparent }, fn) => {
      const span = tracer.startSpan(name, { attributes }, parentContext(traceparent));
      return active.run(span, () => runInSpan(span, fn));
    },
    traceparent: () => traceparentOf(active.getStore()),
    close: () => provider.shutdown(),
  };
}

/** A caller may have sent any amount of text that an error quotes. */
const MAX_TEXT = 4_000;

/** Ends a span that failed. */
export function endFailed(span: Span, error: unknown): void {
  const { name, message: whole, stack = '' } = toError(error);
  const message = boundedText(whole, MAX_TEXT);
  span.recordException({ name, message, stack: boundedText(stack, MAX_TEXT) });
  span.setStatus({ code: SpanStatusCode.ERROR, message });
  span.end();
}

function processorsFor(to: TracingOptions['to']): SpanProcessor[] {
  if (to === 'nowhere') return [];
  return [to === 'otlp' ? new BatchSpanProcessor(new OTLPTraceExporter()) : to];
}

/** W3C Trace Context, section 3.2: version, trace id, parent id, flags. Malformed values are ignored. */
function parentContext(traceparent: string | undefined): Context {
  const match = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-|$)/.exec(
    traceparent ?? '',
  );
  const [, traceId = '', spanId = '', flags = '00'] = match ?? [];
  const parent = { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true };
  return isSpanContextValid(parent) ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT;
}

function traceparentOf(span: Span | undefined): string | undefined {
  if (!span) return undefined;
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
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
