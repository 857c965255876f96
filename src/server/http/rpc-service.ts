/**
 * Adapts our methods to Connect: the context of the call, and errors as codes. When the server drains,
 * streams end with a code that tells clients to try again; other calls may finish.
 */
import type { DescMethod, DescService } from '@bufbuild/protobuf';
import type { ConnectError, HandlerContext, ServiceImpl } from '@connectrpc/connect';
import {
  type CallContext,
  MINIMAL_RESPONSE,
  UPDATE_TOKEN_HEADER,
} from '../../services/shared/call-context.ts';
import type { ServiceMethods } from '../../services/shared/service-methods.ts';
import { resultsIn } from '../admission/results-in.ts';
import { failCall, rpcCallKey, stopping } from './rpc-call.ts';

type Unary = (request: unknown, context: CallContext) => Promise<unknown>;
type Streaming = (request: unknown, context: CallContext) => AsyncIterable<unknown>;

/** Adapts a service. `draining` aborts when the server begins to stop. */
export function connectService<S extends DescService>(
  service: S,
  methods: ServiceMethods<S>,
  draining: AbortSignal,
): Partial<ServiceImpl<S>> {
  const implementations = service.methods.map((method) => [
    method.localName,
    implement(method, methods[method.localName as keyof typeof methods], draining),
  ]);
  return Object.fromEntries(implementations) as Partial<ServiceImpl<S>>;
}

function implement(method: DescMethod, fn: unknown, draining: AbortSignal): unknown {
  if (fn === undefined) return undefined;
  return method.methodKind === 'server_streaming'
    ? stream(fn as Streaming, draining)
    : (request: unknown, context: HandlerContext) => answer(fn as Unary, request, context);
}

async function answer(fn: Unary, request: unknown, context: HandlerContext): Promise<unknown> {
  const { admitted } = context.values.get(rpcCallKey);
  // The work goes on for a moment if the caller disconnects, and until then it holds its place.
  const letGo = admitted?.keep();
  let takeBack: (() => void) | undefined;
  try {
    const results = resultsIn(request);
    if (results > 0) takeBack = admitted?.addResults(results);
    const response = await fn(request, callContext(context, context.signal));
    succeed(context);
    return response;
  } catch (error) {
    takeBack?.();
    throw fail(context, error);
  } finally {
    letGo?.();
  }
}

function stream(fn: Streaming, draining: AbortSignal) {
  return async function* (request: unknown, context: HandlerContext): AsyncIterable<unknown> {
    const signal = AbortSignal.any([context.signal, draining]);
    const letGo = context.values.get(rpcCallKey).admitted?.keep();
    try {
      yield* fn(request, callContext(context, signal));
      if (draining.aborted) throw stopping();
      succeed(context);
    } catch (error) {
      throw fail(context, draining.aborted ? stopping(error) : error);
    } finally {
      letGo?.();
    }
  };
}

function callContext(context: HandlerContext, signal: AbortSignal): CallContext {
  const call = context.values.get(rpcCallKey);
  call.isReached = true;
  return {
    caller: call.caller,
    updateTokens: headerValues(context.requestHeader.get(UPDATE_TOKEN_HEADER)),
    prefersMinimal: headerValues(context.requestHeader.get('prefer')).includes(
      MINIMAL_RESPONSE.prefer,
    ),
    origin: URL.parse(context.url)?.origin,
    signal,
    setHeader: (name, value) => context.responseHeader.set(name, value),
  };
}

/** Returns the values of a header. If it is repeated, they arrive joined by commas. */
export function headerValues(header: string | null): readonly string[] {
  return header === null ? [] : header.split(',').map((value) => value.trim());
}

function succeed(context: HandlerContext): void {
  context.values.get(rpcCallKey).code = 'ok';
}

function fail(context: HandlerContext, error: unknown): ConnectError {
  return failCall(context.values.get(rpcCallKey), error, context.signal);
}
