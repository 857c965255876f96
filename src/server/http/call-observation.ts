/** What logs, metrics and traces say of a call, whichever protocol it came by. */
import type { Span } from '@opentelemetry/api';
import {
  CodedError,
  type Histogram,
  type Log,
  type Metrics,
  toError,
} from '@postlude/queue/foundations';
import { Refusal } from '../admission/refusal.ts';
import { endFailed } from '../telemetry/tracing.ts';
import { FAULTS } from './error-mapping.ts';
import type { RpcCall } from './rpc-call.ts';

export interface ObservationParts {
  readonly log: Log;
  readonly metrics: Metrics;
}

/** Is called once a call has ended. It ends the span. */
export type ObserveCall = (
  call: RpcCall,
  ended: { readonly span: Span; readonly ms: number },
) => void;

export function callObservation({ log, metrics }: ObservationParts): ObserveCall {
  const duration = metrics.histogram('postlude.rpc.duration', {
    description: 'Duration of calls, by method and code',
    unit: 'ms',
  });
  return (call, ended) => observe({ duration, log }, call, ended);
}

/**
 * Waiting clients repeat such calls so often that they would hide the calls that change something. Calls
 * that are refused for now come in thousands, when there is least time for them.
 */
const READING = /\/(?:Count|Explain|Get|List|Query|Watch)\w+$/;

function observe(
  { duration, log }: Pick<ObservationParts, 'log'> & { readonly duration: Histogram },
  call: RpcCall,
  { ms, span }: { readonly span: Span; readonly ms: number },
): void {
  const { method, caller, address, code = 'unknown', error } = call;
  duration.record(ms, { method, code });
  span.setAttribute('rpc.response.status_code', code);
  const { traceId } = span.spanContext();
  const line = { method, code, ms: Math.round(ms * 10) / 10, caller, address, traceId };
  if (FAULTS.has(code)) {
    log.error('call failed', { ...line, error });
    endFailed(span, error);
    return;
  }
  span.end();
  // Callers are not told why something is unavailable, so the log must say it.
  if (code === 'unavailable' || (error instanceof CodedError && error.reason))
    log.warn('call failed', { ...line, error });
  else {
    const isQuiet = READING.test(method) || error instanceof Refusal;
    const level = isQuiet ? 'debug' : 'info';
    log[level]('call', error === undefined ? line : { ...line, reason: toError(error).message });
  }
}
