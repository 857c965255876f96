/** What requests and responses of node:http and node:http2 have in common. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';

export type NodeServerRequest = IncomingMessage | Http2ServerRequest;
export type NodeServerResponse = ServerResponse | Http2ServerResponse;

/** Handles the request and returns `true`, or returns `false` and leaves the request untouched. */
export type RequestHandler = (request: NodeServerRequest, response: NodeServerResponse) => boolean;

/** Returns the host that a request is for: `Host`, or `:authority` of HTTP/2. */
export function authorityOf({ headers }: NodeServerRequest): string | undefined {
  const authority = headers[':authority'] ?? headers.host;
  return typeof authority === 'string' ? authority : undefined;
}

/** Responds with a text and nothing else. It is plain text unless a content type has been set. */
export function respond(response: NodeServerResponse, status: number, text: string): void {
  if (!response.hasHeader('content-type')) {
    response.setHeader('content-type', 'text/plain; charset=utf-8');
  }
  response.setHeader('x-content-type-options', 'nosniff');
  response.statusCode = status;
  response.end(response.req.method === 'HEAD' ? '' : text);
}
