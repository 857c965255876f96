/**
 * Refusals that are sent without reading the request, as its protocol has them, so that its client understands
 * them.
 */
import {
  type NodeServerRequest,
  type NodeServerResponse,
  respond,
} from '@postlude/queue/foundations';
import { isPrpc } from '../prpc/prpc-router.ts';
import { hasGrpcContentType } from './rpc-content-type.ts';

/** Codes of gRPC. */
const RESOURCE_EXHAUSTED = '8';
const UNIMPLEMENTED = '12';

/**
 * Says to a client of gRPC or gRPC-web that there is no such RPC: clients take an HTTP status of 404 for an
 * internal error or an outage, and try again. Returns false for any other request.
 */
export function refuseUnknownRpc(
  request: NodeServerRequest,
  response: NodeServerResponse,
): boolean {
  if (!hasGrpcContentType(request)) return false;
  endGrpc(response, UNIMPLEMENTED, 'the server has no such method');
  return true;
}

/** Says to any client that there is more to do than can be done, and when to try again. */
export function refuseForNow(request: NodeServerRequest, response: NodeServerResponse): void {
  const message = 'the server is busy; try again in 1 s';
  response.setHeader('retry-after', '1');
  if (hasGrpcContentType(request)) {
    endGrpc(response, RESOURCE_EXHAUSTED, message);
    return;
  }
  if (isPrpc(request)) {
    response.setHeader('x-prpc-grpc-code', RESOURCE_EXHAUSTED);
    respond(response, 429, message);
    return;
  }
  response.setHeader('content-type', 'application/json');
  respond(response, 429, JSON.stringify({ code: 'resource_exhausted', message }));
}

function endGrpc(response: NodeServerResponse, status: string, message: string): void {
  const { req: request } = response;
  response.setHeader('content-type', request.headers['content-type'] ?? '');
  response.setHeader('grpc-status', status);
  response.setHeader('grpc-message', message);
  response.statusCode = 200;
  response.end();
  request.resume();
}
