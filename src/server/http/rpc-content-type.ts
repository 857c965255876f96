/**
 * The content types of RPCs, checked before Connect sees them: it remembers each one that it is asked about,
 * and a caller may send as many as it likes, of up to 30 KB each.
 */
import type { NodeServerRequest } from '@postlude/queue/foundations';

const CONTENT_TYPE =
  /^application\/(?:(?:connect\+)?(?:json|proto)|grpc(?:-web(?:-text)?)?(?:\+(?:json|proto))?)(?:; ?charset=utf-?8)?$/i;

/** A GET has no body, and so none. */
export function hasRpcContentType({ headers, method }: NodeServerRequest): boolean {
  return method === 'GET' || CONTENT_TYPE.test(headers['content-type'] ?? '');
}

/** Whether it is that of gRPC or gRPC-web. */
export function hasGrpcContentType(request: NodeServerRequest): boolean {
  const contentType = request.headers['content-type'] ?? '';
  return /^application\/grpc/i.test(contentType) && CONTENT_TYPE.test(contentType);
}
