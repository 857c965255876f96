/** Serves pushes as `Request` and `Response`, for Hono, Deno, Bun, Next.js and the like. */
import { CodedError } from '../../../foundations/errors.ts';
import type { PushHandler } from '../push.ts';
import type { PushRequest } from '../push-request.ts';

export interface FetchPushFacts {
  /**
   * The address of the other end of the connection, which a Request does not tell. Without OIDC,
   * pushes are refused if it is unknown.
   */
  readonly peerAddress?: string | undefined;
}

/** Handles every request, whatever its path, so route only pushes to it. */
export function fetchPush(
  push: PushHandler,
): (request: Request, facts?: FetchPushFacts) => Promise<Response> {
  return async (request, facts = {}) => {
    const { status, message, headers } = await push(pushRequest(request, facts));
    if (status === 204) return new Response(null, { status, headers });
    const type = {
      'content-type': 'text/plain; charset=utf-8',
      'x-content-type-options': 'nosniff',
    };
    return new Response(`${message}\n`, { status, headers: { ...headers, ...type } });
  };
}

function pushRequest(request: Request, { peerAddress }: FetchPushFacts): PushRequest {
  return {
    method: request.method,
    headers: Object.fromEntries(request.headers),
    host: request.headers.get('host') ?? new URL(request.url).host,
    peerAddress,
    body: () => bodyStream(request),
    signal: request.signal,
  };
}

function bodyStream(request: Request): AsyncIterable<Uint8Array> {
  if (request.bodyUsed) {
    throw new CodedError(
      'failed-precondition',
      'the body was read before the push handler could: pass a clone of the request, or do not read it',
    );
  }
  return request.body ?? noBody();
}

async function* noBody(): AsyncGenerator<Uint8Array> {}
