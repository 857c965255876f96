/** A server on a free port of 127.0.0.1 whose handler has the whole request, for proxies in tests. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';

export interface WholeRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

export interface WholeResponse {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

export interface HttpServer {
  readonly url: string;
  stop(): Promise<void>;
}

export async function serveHttp(
  handle: (request: WholeRequest, response: ServerResponse) => Promise<void>,
): Promise<HttpServer> {
  const server = createServer(async (incoming, response) => {
    try {
      const { method = '', url = '', headers } = incoming;
      await handle({ method, url, headers, body: await buffer(incoming) }, response);
    } catch {
      response.destroy();
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    stop: async () => {
      server.close();
      server.closeAllConnections();
      if (server.listening) await once(server, 'close');
    },
  };
}

/** Sends a request to another server, unchanged but for `Expect`. */
export async function forward(
  to: string,
  { method, url, headers: { expect: _, ...headers }, body }: WholeRequest,
): Promise<WholeResponse> {
  const { hostname, port } = new URL(to);
  const forwarded = request({ hostname, port, method, path: url, headers, agent: false });
  forwarded.end(body);
  // An error after the response has begun ends the reading of its body, too.
  forwarded.on('error', () => undefined);
  const [answer] = (await once(forwarded, 'response')) as [IncomingMessage];
  return { status: answer.statusCode ?? 502, headers: answer.headers, body: await buffer(answer) };
}
