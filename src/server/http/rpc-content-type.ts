/**
 * The content types of RPCs, checked before Connect sees them: it remembers each one that it is asked about,
 * and a caller may send as many as it likes, of up to 30 KB each.
 */
import type { NodeServerRequest, NodeServerResponse } from '@postlude/queue/foundations';

const CONTENT_TYPE =
  /^application\/(?:(?:connect\+)?(?:json|proto)|grpc(?:-web(?:-text)?)?(?:\+(?:json|proto))?)(?:; ?charset=utf-?8)?$/i;

/** A GET has no body, and so none. */
export function hasRpcContentType({ headers, method }: NodeServerRequest): boolean {
  return method === 'GET' || CONTENT_TYPE.test(headers['content-type'] ?? '');
}

/** gRPC's code UNIMPLEMENTED. */
const UNIMPLEMENTED = '12';

/**
 * Says to a client of gRPC or gRPC-web that there is no such RPC, as their protocols do: clients take an HTTP
 * status of 404 for an internal error or an outage, and try again. Returns false for any other request.
 */
export function refuseUnknownRpc(
  request: NodeServerRequest,
  response: NodeServerResponse,
): boolean {
  const contentType = request.headers['content-type'] ?? '';
  if (!/^application\/grpc/i.test(contentType) || !CONTENT_TYPE.test(contentType)) return false;
  response.setHeader('content-type', contentType);
  response.setHeader('grpc-status', UNIMPLEMENTED);
  response.setHeader('grpc-message', 'the server has no such method');
  response.statusCode = 200;
  response.end();
  request.resume();
  return true;
}
