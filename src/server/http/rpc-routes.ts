/**
 * Serves the RPCs on Node's servers: gRPC, gRPC-web, Connect, JSON and pRPC. Callers are authenticated before
 * any byte of the body is read. The size of messages is limited, after decompression too. Each call
 * produces a log line, a measurement and a span.
 */
import {
  type ConnectRouter,
  type ContextValues,
  createConnectRouter,
  createContextValues,
  type HandlerContext,
} from '@connectrpc/connect';
import type {
  UniversalHandler,
  UniversalServerRequest,
  UniversalServerResponse,
} from '@connectrpc/connect/protocol';
import {
  compressionBrotli,
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from '@connectrpc/connect-node';
import {
  monotonicMs,
  type NodeServerRequest,
  type NodeServerResponse,
  type RequestHandler,
  respond,
} from '@postlude/queue/foundations';
import { runFor } from '../admission/caller-scope.ts';
import type { CrossOrigin } from '../prpc/cross-origin.ts';
import { isPrpc, PrpcRouter } from '../prpc/prpc-router.ts';
import type { Tracing } from '../telemetry/tracing.ts';
import { ANONYMOUS } from './auth.ts';
import { bodyChecks, type CheckBody } from './body-checks.ts';
import type { ObserveCall } from './call-observation.ts';
import type { ClientAddresses } from './client-address.ts';
import { codeName, isDiskFull } from './error-mapping.ts';
import { passGate, type RequestGateOptions } from './request-gate.ts';
import { type RpcCall, rpcCallKey } from './rpc-call.ts';
import { hasRpcContentType } from './rpc-content-type.ts';
import { refuseUnknownRpc } from './rpc-refusals.ts';
import { asFaultOfCaller } from './undecodable.ts';

export interface RpcRoutesOptions extends RequestGateOptions {
  /** Registers the services. */
  readonly services: (router: ConnectRouter) => void;
  readonly maxRequestBytes: number;
  readonly addresses: ClientAddresses;
  /** The pages of other origins that may call by pRPC. */
  readonly crossOrigin: CrossOrigin;
  readonly observe: ObserveCall;
  readonly tracing: Tracing;
}

const SLICE_BYTES = 256 * 1024;

export function rpcRoutes(options: RpcRoutesOptions): RequestHandler {
  const gate = (context: HandlerContext): Promise<void> => passGate(context, options);
  const prpc = new PrpcRouter({ gate, crossOrigin: options.crossOrigin });
  const router = createConnectRouter({
    readMaxBytes: options.maxRequestBytes,
    acceptCompression: [compressionGzip, compressionBrotli],
    // Kept, an unknown field of two bytes would be an object.
    binaryOptions: { readUnknownFields: false },
    requestGate: gate,
  });
  options.services(prpc.beside(router));
  const checkBody = bodyChecks(options.maxRequestBytes, options.draining);
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  const observers = { ...options, checkBody };
  return (request, response) => {
    if (isPrpc(request)) {
      const called = prpc.find(request, response);
      if (called) void serve(observers, called, { request, response });
      return true;
    }
    const handler = handlers.get((request.url ?? '').split('?', 1)[0] ?? '');
    if (!handler) return refuseUnknownRpc(request, response);
    if (!hasRpcContentType(request)) {
      respond(response, 415, 'this is not a content type of an RPC\n');
      return true;
    }
    void serve(observers, handler, { request, response });
    return true;
  };
}

type Observers = Pick<RpcRoutesOptions, 'addresses' | 'tracing'> & {
  readonly observe: ObserveCall;
  readonly checkBody: CheckBody;
};

interface Exchange {
  readonly request: NodeServerRequest;
  readonly response: NodeServerResponse;
}

async function serve(
  observers: Observers,
  handler: UniversalHandler,
  { request, response }: Exchange,
): Promise<void> {
  const startedAt = monotonicMs();
  const call: RpcCall = {
    method: handler.requestPath.slice(1),
    caller: ANONYMOUS,
    address: observers.addresses.of(request),
  };
  const values = createContextValues().set(rpcCallKey, call);
  const universal = toUniversal(request, response, values);
  const closed = new Promise<void>((resolve) => response.once('close', resolve));
  if (!universal) {
    respond(response, 400, 'the request names no host\n');
    return;
  }
  const attributes = { 'rpc.method': call.method };
  const checked = observers.checkBody(universal, handler.method.input, { call, request });
  const span = observers.tracing.startCall(call.method, attributes, universal.header);
  try {
    const given = await runFor(call, () => observers.tracing.within(span, () => handler(checked)));
    const isRejected = !call.isReached && call.error === undefined;
    const answer = isRejected ? await asFaultOfCaller(given) : given;
    // What Connect then says of the unfinished body would be a fault of the server.
    const hasLeft = universal.signal.aborted;
    if (isRejected) call.code = hasLeft ? 'canceled' : rejectionCode(answer);
    await Promise.race([send(withStatus(answer, call), response), closed]);
    call.code ??= 'canceled'; // The response was cut before the method ended.
  } catch (error) {
    call.error ??= error;
  } finally {
    call.admitted?.release();
  }
  call.code ??= 'canceled'; // the caller has disconnected
  observers.observe(call, { span, ms: monotonicMs() - startedAt });
}

/** In Connect's unary calls the HTTP status counts, and 429 would blame the caller for a full disk. */
function withStatus(answer: UniversalServerResponse, { error }: RpcCall): UniversalServerResponse {
  return isDiskFull(error) && answer.status === 429 ? { ...answer, status: 507 } : answer;
}

/** May never settle, so that the end of the response counts as well: it can come before this is called. */
async function send(answer: UniversalServerResponse, response: NodeServerResponse): Promise<void> {
  const sliced = answer.body ? { ...answer, body: inSlices(answer.body) } : answer;
  await universalResponseToNodeResponse(sliced, response);
}

/** A slice is written once the one before it has been read: so it shows whether the client reads at all. */
async function* inSlices(body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  for await (const chunk of body) {
    for (let at = 0; at < chunk.length; at += SLICE_BYTES) {
      yield chunk.subarray(at, at + SLICE_BYTES);
    }
  }
}

/** Returns `undefined` if the request has no authority, or if its path cannot be parsed. */
function toUniversal(
  request: NodeServerRequest,
  response: NodeServerResponse,
  values: ContextValues,
): UniversalServerRequest | undefined {
  try {
    return universalRequestFromNodeRequest(request, response, undefined, values);
  } catch {
    return undefined;
  }
}

/** Returns the code of a request that reached no method, since it was malformed, too large, or the like. */
function rejectionCode(answer: UniversalServerResponse): string {
  const grpcStatus = answer.trailer?.get('grpc-status');
  if (grpcStatus) return codeName(Number(grpcStatus));
  return answer.status === 429 ? 'resource_exhausted' : 'invalid_argument';
}
