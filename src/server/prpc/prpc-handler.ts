/**
 * Serves one method by pRPC: a message in the body of a POST, in one of three formats, and the outcome in headers.
 * The call passes the same gate, and its body the same checks, as those of the other protocols.
 *
 * https://pkg.go.dev/go.chromium.org/luci/grpc/prpc#hdr-Protocol
 */
import {
  ConnectError,
  createHandlerContext,
  type HandlerContext,
  type MethodImplSpec,
} from '@connectrpc/connect';
import {
  contentTypeMatcher,
  createAsyncIterable,
  invokeUnaryImplementation,
  mergeNonProtocolHeaders,
  type UniversalHandler,
  type UniversalServerRequest,
  type UniversalServerResponse,
} from '@connectrpc/connect/protocol';
import { compressionGzip } from '@connectrpc/connect-node';
import { HTTP_STATUS } from '../http/error-mapping.ts';
import { failCall, type RpcCall, rpcCallKey } from '../http/rpc-call.ts';
import { decodeMessage, encodeBody } from './codec.ts';
import { type Format, MEDIA_TYPES } from './format.ts';
import { ProtocolProblem } from './protocol-problem.ts';
import { type Asked, readHeaders } from './request-headers.ts';
import { responseTooBig, STATUS_DETAILS_HEADER, statusDetails } from './status-details.ts';

export type UnarySpec = Extract<MethodImplSpec, { kind: 'unary' }>;

/** Runs before the body is read, and throws if the call is refused. */
export type Gate = (context: HandlerContext) => Promise<void>;

export const PROTOCOL = 'prpc';
export const CODE_HEADER = 'X-Prpc-Grpc-Code';

/** Smaller responses are not worth compressing. */
const COMPRESS_BYTES = 1024;

export function prpcHandler(spec: UnarySpec, gate: Gate): UniversalHandler {
  const handle = (request: UniversalServerRequest) => answer(spec, gate, request);
  const { method } = spec;
  return Object.assign(handle, {
    protocolNames: [PROTOCOL],
    service: method.parent,
    method,
    requestPath: `/${method.parent.typeName}/${method.name}`,
    allowedMethods: ['POST'],
    supportedContentType: contentTypeMatcher(/^application\/(?:prpc|json)\b/i),
  });
}

async function answer(
  spec: UnarySpec,
  gate: Gate,
  request: UniversalServerRequest,
): Promise<UniversalServerResponse> {
  const call = request.contextValues?.get(rpcCallKey) ?? rpcCallKey.defaultValue;
  const asked = tryReadHeaders(request, call);
  if (asked instanceof ConnectError) return failure(asked, 'binary');
  const context = contextOf(spec, request, asked);
  try {
    await gate(context);
    const bytes = await bytesOf(request.body as AsyncIterable<Uint8Array>);
    const input = decodeMessage(asked.requestFormat, spec.method.input, bytes);
    const output = await invokeUnaryImplementation(spec, context, input, []);
    const body = encodeBody(asked.responseFormat, spec.method.output, output);
    return await success(body, asked, context);
  } catch (error) {
    const told = tell(call, error, context.signal);
    return failure(told, asked.responseFormat, context.responseHeader);
  } finally {
    context.abort();
  }
}

function tryReadHeaders(request: UniversalServerRequest, call: RpcCall): Asked | ConnectError {
  try {
    return readHeaders(request.header);
  } catch (error) {
    return failCall(call, error, request.signal);
  }
}

function contextOf(
  { method }: UnarySpec,
  request: UniversalServerRequest,
  { timeoutMs }: Asked,
): ReturnType<typeof createHandlerContext> {
  return createHandlerContext({
    method,
    service: method.parent,
    protocolName: PROTOCOL,
    requestMethod: request.method,
    url: request.url,
    requestSignal: request.signal,
    requestHeader: request.header,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(request.contextValues ? { contextValues: request.contextValues } : {}),
  });
}

async function bytesOf(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  let bytes: Uint8Array = Buffer.alloc(0);
  // The checks yield a body as one chunk.
  for await (const chunk of body) bytes = chunk;
  return bytes;
}

/** The gate, the checks of the body and the method have recorded their own errors in the call already. */
function tell(call: RpcCall, error: unknown, signal: AbortSignal): ConnectError {
  const isRecorded = error instanceof ConnectError && call.error !== undefined;
  return isRecorded ? error : failCall(call, error, signal);
}

async function success(
  body: Uint8Array,
  { acceptsGzip, maxResponseBytes, responseFormat }: Asked,
  { responseHeader }: HandlerContext,
): Promise<UniversalServerResponse> {
  if (maxResponseBytes !== undefined && body.length > maxResponseBytes) {
    throw responseTooBig(body.length, maxResponseBytes);
  }
  responseHeader.set(CODE_HEADER, '0');
  responseHeader.set('content-type', MEDIA_TYPES[responseFormat]);
  if (!acceptsGzip || body.length <= COMPRESS_BYTES) return respondWith(200, body, responseHeader);
  responseHeader.set('content-encoding', compressionGzip.name);
  return respondWith(200, await compressionGzip.compress(body), responseHeader);
}

function failure(
  error: ConnectError,
  format: Format,
  header = new Headers(),
): UniversalServerResponse {
  mergeNonProtocolHeaders(header, error.metadata);
  const details = statusDetails(error, format);
  if (details !== undefined) header.set(STATUS_DETAILS_HEADER, details);
  header.set(CODE_HEADER, String(error.code));
  header.set('content-type', 'text/plain; charset=utf-8');
  header.delete('content-encoding');
  return respondWith(statusOf(error), Buffer.from(`${error.rawMessage}\n`), header);
}

function respondWith(status: number, body: Uint8Array, header: Headers): UniversalServerResponse {
  header.set('x-content-type-options', 'nosniff');
  header.set('content-length', String(body.length));
  return { status, header, body: createAsyncIterable([new Uint8Array(body)]) };
}

function statusOf({ cause, code }: ConnectError): number {
  return cause instanceof ProtocolProblem ? cause.httpStatus : HTTP_STATUS[code];
}
