/**
 * A proxy between a gRPC client and a server, both in plain text, that lets calls fail when a test says so.
 * Clients then meet the faults of a network.
 */
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  connect,
  constants,
  createServer,
  type Http2Server,
  type Http2Session,
  type ServerHttp2Session,
} from 'node:http2';
import { type Faults, ProxiedCall, type Rewrite } from './proxied-call.ts';

const AS_IT_IS: Rewrite = {
  request: (_, message) => message,
  answer: (_, message) => message,
};

export interface GrpcProxy {
  /** `host:port` */
  readonly host: string;
  /** How often each method has been called. */
  readonly calls: ReadonlyMap<string, number>;
  /** Throws the error that `faults` threw, if any. */
  close(): Promise<void>;
}

export async function startGrpcProxy(
  targetHost: string,
  faults: Faults,
  rewrite = AS_IT_IS,
): Promise<GrpcProxy> {
  const calls = new Map<string, number>();
  const servers = new Map<Http2Session, ClientHttp2Session>();
  const watched = new WatchedFaults(faults);
  const own = connectTo(targetHost);
  const listener = createServer();
  listener.on('session', (client) => {
    servers.set(client, openServer(client, targetHost));
    client.on('close', () => servers.delete(client));
  });
  listener.on('stream', (stream, headers) => {
    stream.on('error', () => undefined); // followed by `close`
    const server = stream.session && servers.get(stream.session);
    if (!server) return;
    const method = String(headers[':path']).replace(/^.*\//, '');
    const nth = calls.get(method) ?? 0;
    calls.set(method, nth + 1);
    const call = new ProxiedCall({ stream, headers, server, own, rewrite, method, nth });
    // Any other error here means that the client or the server has gone.
    call.run(watched.faults).catch(() => {
      if (!stream.destroyed) stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    });
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return {
    host: `127.0.0.1:${portOf(listener)}`,
    calls,
    async close() {
      for (const client of servers.keys()) client.destroy();
      listener.close();
      await once(listener, 'close');
      await watched.settled();
      own.destroy();
      watched.check();
    },
  };
}

/** The open calls, and the error that the test's function threw. */
class WatchedFaults {
  readonly faults: Faults;
  readonly #running = new Set<Promise<unknown>>();
  #failure: { readonly error: unknown } | undefined;

  constructor(faults: Faults) {
    this.faults = async (call) => {
      const befall = Promise.resolve(call).then(faults);
      this.#running.add(befall);
      try {
        return await befall;
      } catch (error) {
        this.#failure ??= { error };
        throw error;
      } finally {
        this.#running.delete(befall);
      }
    };
  }

  async settled(): Promise<void> {
    await Promise.allSettled(this.#running);
  }

  check(): void {
    if (this.#failure) throw this.#failure.error;
  }
}

/** Opens one connection to the server for each connection of a client, and closes it with that one. */
function openServer(client: ServerHttp2Session, targetHost: string): ClientHttp2Session {
  const server = connectTo(targetHost);
  client.on('error', () => undefined);
  client.on('close', () => server.close()); // ends the calls of a client that has gone
  server.on('close', () => client.destroy());
  return server;
}

function connectTo(targetHost: string): ClientHttp2Session {
  const server = connect(`http://${targetHost}`);
  server.on('error', () => undefined); // followed by `close`
  return server;
}

function portOf(listener: Http2Server): number {
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
