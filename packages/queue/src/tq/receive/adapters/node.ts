/** Serves pushes in node:http, and in node:http2 through its compatible API. */
import {
  authorityOf,
  type NodeServerRequest,
  type NodeServerResponse,
  respond,
} from '../../../foundations/node-messages.ts';
import type { PushHandler } from '../push.ts';
import type { PushAnswer, PushRequest } from '../push-request.ts';

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
  const path = prefix.replace(/\/+$/, '');
  return (request, response) => {
    const isServed = `${(request.url ?? '').split('?', 1)[0]}/`.startsWith(`${path}/`);
    if (isServed) void answer(push, request, response);
    return isServed;
  };
}

async function answer(
  push: PushHandler,
  request: NodeServerRequest,
  response: NodeServerResponse,
): Promise<void> {
  const body = (): AsyncIterable<Uint8Array> => bodyStream(request);
  sendAnswer(request, response, await push(nodePushRequest(request, response, body)));
}

export function nodePushRequest(
  request: NodeServerRequest,
  response: NodeServerResponse,
  body: PushRequest['body'],
): PushRequest {
  return {
    method: request.method ?? '',
    headers: oneTextEach(request.headers),
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

export function sendAnswer(
  request: NodeServerRequest,
  response: NodeServerResponse,
  answer: PushAnswer,
): void {
  if (response.writableEnded || response.headersSent) return;
  for (const [name, value] of Object.entries(answerHeaders(request, answer))) {
    response.setHeader(name, value);
  }
  if (answer.status !== 204) {
    respond(response, answer.status, `${answer.message}\n`);
    return;
  }
  response.statusCode = 204;
  response.end();
}

/** Does not wait for the rest of a body that is too large. */
export function answerHeaders(
  { httpVersionMajor }: NodeServerRequest,
  { status, headers }: PushAnswer,
): Readonly<Record<string, string>> {
  return status === 413 && httpVersionMajor < 2 ? { ...headers, connection: 'close' } : headers;
}

function oneTextEach(headers: NodeServerRequest['headers']): PushRequest['headers'] {
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
