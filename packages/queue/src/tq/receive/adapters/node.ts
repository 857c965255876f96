/** Serves pushes in node:http, and in node:http2 through its compatible API. */
import {
  authorityOf,
  type NodeServerRequest,
  type NodeServerResponse,
  respond,
} from '../../../foundations/node-messages.ts';
import type { PushHandler } from '../push.ts';
import type { PushRequest, PushResponse } from '../push-request.ts';

export interface NodePushOptions {
  /** The path at and below which pushes arrive: `/internal/tasks` unless given. */
  readonly prefix?: string;
}

const SERVING_PREFIX = '/internal/tasks';

/**
 * Call it in a server's listener. It returns whether the request is for a path of pushes; if not, the
 * request is untouched.
 */
export function nodePush(
  push: PushHandler,
  { prefix = SERVING_PREFIX }: NodePushOptions = {},
): (request: NodeServerRequest, response: NodeServerResponse) => boolean {
  const path = prefix.replace(/(?<!\/)\/+$/, '');
  return (request, response) => {
    const isServed = `${(request.url ?? '').split('?', 1)[0]}/`.startsWith(`${path}/`);
    if (isServed) void servePush(push, request, response);
    return isServed;
  };
}

async function servePush(
  push: PushHandler,
  request: NodeServerRequest,
  response: NodeServerResponse,
): Promise<void> {
  const body = (): AsyncIterable<Uint8Array> => bodyStream(request);
  sendResponse(request, response, await push(nodePushRequest(request, response, body)));
}

export function nodePushRequest(
  request: NodeServerRequest,
  response: NodeServerResponse,
  body: PushRequest['body'],
): PushRequest {
  return {
    method: request.method ?? '',
    headers: joinedHeaders(request.headers),
    host: authorityOf(request),
    peerAddress: request.socket?.remoteAddress,
    body,
    signal: goneSignal(response),
  };
}

/** If the reader stops early, the connection stays open, so that the response can be sent. */
export function bodyStream(request: NodeServerRequest): AsyncIterable<Uint8Array> {
  return { [Symbol.asyncIterator]: () => request.iterator({ destroyOnReturn: false }) };
}

export function sendResponse(
  request: NodeServerRequest,
  response: NodeServerResponse,
  pushed: PushResponse,
): void {
  if (response.writableEnded || response.headersSent) return;
  for (const [name, value] of Object.entries(responseHeaders(request, pushed))) {
    response.setHeader(name, value);
  }
  if (pushed.status !== 204) {
    respond(response, pushed.status, `${pushed.message}\n`);
    return;
  }
  response.statusCode = 204;
  response.end();
}

/** Does not wait for the rest of a body that is too large. */
export function responseHeaders(
  { httpVersionMajor }: NodeServerRequest,
  { status, headers }: PushResponse,
): Readonly<Record<string, string>> {
  return status === 413 && httpVersionMajor < 2 ? { ...headers, connection: 'close' } : headers;
}

function joinedHeaders(headers: NodeServerRequest['headers']): PushRequest['headers'] {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      typeof value === 'object' ? value.join(', ') : value,
    ]),
  );
}

function goneSignal(response: NodeServerResponse): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => {
    if (!response.writableEnded) gone.abort();
  });
  return gone.signal;
}
