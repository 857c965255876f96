/**
 * Stands between a gRPC client and a server, both in the clear, and lets calls fail where a test
 * wants it; so clients meet what a network does to them. Requests are of one message each.
 */
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  createServer,
  type Http2Server,
  type Http2Session,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { buffer } from 'node:stream/consumers';
import {
  PREFIX_BYTES,
  type Status,
  splitMessages,
  trailersOf,
  withPrefix,
} from './grpc-messages.ts';

/**
 * How a call ends for the client: by a status, by a reset of its stream, by the loss of its whole
 * connection, or not at all, until its deadline passes.
 */
export type Ending = Status | 'stream-reset' | 'connection-lost' | 'silence';

export interface Fault {
  /**
   * - `before`: the server never gets the call.
   * - `after`: the server does all its work.
   */
  readonly moment: 'before' | 'after';
  readonly ending: Ending;
  /** How many messages of the answer the client still gets: none unless given. */
  readonly messages?: number;
}

export interface Call {
  /** The method's name alone: `Commit`. */
  readonly method: string;
  /** How many calls of this method were before. */
  readonly nth: number;
  /** The message that it carries. */
  readonly request: Uint8Array;
  /** Calls another method of the same service first; answers its first message, if any. */
  send(method: string, request: Uint8Array): Promise<Uint8Array>;
}

/** What befalls a call, if anything. */
export type Faults = (call: Call) => Fault | undefined | Promise<Fault | undefined>;

/** What is changed on the way, where a test wants more of a server than it has. */
export interface Rewrite {
  request(method: string, message: Uint8Array): Uint8Array;
  /** Undefined: the message is left out. `index` counts those of the server. */
  answer(
    call: Pick<Call, 'method' | 'request'>,
    message: Uint8Array,
    index: number,
  ): Uint8Array | undefined;
}

const AS_IT_IS: Rewrite = {
  request: (_, message) => message,
  answer: (_, message) => message,
};

export interface GrpcProxy {
  /** `host:port` */
  readonly host: string;
  /** How often each method has been called. */
  readonly calls: ReadonlyMap<string, number>;
  close(): Promise<void>;
}

export async function startGrpcProxy(
  targetHost: string,
  faults: Faults,
  rewrite = AS_IT_IS,
): Promise<GrpcProxy> {
  const calls = new Map<string, number>();
  const servers = new Map<Http2Session, ClientHttp2Session>();
  const listener = createServer();
  listener.on('session', (client) => servers.set(client, openServer(client, targetHost)));
  listener.on('stream', (stream, headers) => {
    stream.on('error', () => undefined); // followed by `close`
    const server = stream.session && servers.get(stream.session);
    if (!server) return;
    const method = String(headers[':path']).replace(/^.*\//, '');
    const nth = calls.get(method) ?? 0;
    calls.set(method, nth + 1);
    // What is thrown here is that the client or the server has gone.
    new ProxiedCall({ stream, headers, server, rewrite, method, nth }).run(faults).catch(() => {
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
    },
  };
}

/** A connection to the server for each of a client's, which goes when that one does. */
function openServer(client: ServerHttp2Session, targetHost: string): ClientHttp2Session {
  const server = connect(`http://${targetHost}`);
  for (const session of [client, server]) session.on('error', () => undefined);
  client.on('close', () => server.close()); // lets calls end whose client has gone
  server.on('close', () => client.destroy());
  return server;
}

function portOf(listener: Http2Server): number {
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

interface CallConfig extends Pick<Call, 'method' | 'nth'> {
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly server: ClientHttp2Session;
  readonly rewrite: Rewrite;
}

class ProxiedCall {
  readonly #config: CallConfig;
  readonly #stream: ServerHttp2Stream;
  readonly #closed: Promise<unknown>;
  /** Undefined: as the server ends it. */
  #ending: Ending | undefined;
  #trailers: OutgoingHttpHeaders = {};

  constructor(config: CallConfig) {
    this.#config = config;
    this.#stream = config.stream;
    this.#closed = once(config.stream, 'close').catch(() => undefined);
    this.#stream.on('wantTrailers', () => this.#stream.sendTrailers(this.#trailers));
  }

  async run(faults: Faults): Promise<void> {
    const { method, nth } = this.#config;
    const request = (await buffer(this.#stream)).subarray(PREFIX_BYTES);
    const call: Call = { method, nth, request, send: (...sent) => this.#send(...sent) };
    const fault = await faults(call);
    this.#ending = fault?.ending;
    if (fault?.moment === 'before') return this.#end();
    const rewritten = this.#config.rewrite.request(method, request);
    const answer = this.#open(this.#config.headers, rewritten);
    const stop = (): void => answer.close(constants.NGHTTP2_CANCEL);
    if (!fault) this.#stream.once('close', stop);
    await this.#relay(call, answer, fault ? (fault.messages ?? 0) : Infinity);
    this.#stream.off('close', stop);
    this.#end();
  }

  async #send(method: string, request: Uint8Array): Promise<Uint8Array> {
    const { headers } = this.#config;
    const path = String(headers[':path']).replace(/[^/]*$/, method);
    const answer = this.#open({ ...headers, ':path': path }, request);
    return (await buffer(answer)).subarray(PREFIX_BYTES);
  }

  #open(headers: IncomingHttpHeaders, request: Uint8Array): ClientHttp2Stream {
    const answer = this.#config.server.request(headers);
    answer.on('error', () => undefined);
    answer.end(withPrefix(request));
    return answer;
  }

  /** Hands the first messages on, and waits for the others. */
  async #relay(call: Call, answer: ClientHttp2Stream, messages: number): Promise<void> {
    answer.on('trailers', (trailers: IncomingHttpHeaders) => {
      this.#trailers = trailers;
    });
    const [headers, flags] = (await once(answer, 'response')) as [IncomingHttpHeaders, number];
    const isWhole = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    if (isWhole && this.#ending === undefined) {
      this.#stream.respond(headers, { endStream: true });
      return;
    }
    let index = 0;
    let passed = 0;
    for await (const received of splitMessages(answer)) {
      const message = this.#config.rewrite.answer(call, received, index++);
      if (message && passed++ < messages) await this.#pass(headers, message);
    }
    if (!this.#stream.headersSent && this.#ending === undefined) this.#respond(headers);
  }

  async #pass(headers: IncomingHttpHeaders, message: Uint8Array): Promise<void> {
    if (this.#stream.destroyed) return;
    if (!this.#stream.headersSent) this.#respond(headers);
    if (this.#stream.write(withPrefix(message))) return;
    await Promise.race([once(this.#stream, 'drain'), this.#closed]);
  }

  #respond(headers: IncomingHttpHeaders): void {
    this.#stream.respond(headers, { waitForTrailers: true });
  }

  #end(): void {
    switch (this.#ending) {
      case 'silence':
        return;
      case 'connection-lost':
        this.#stream.session?.destroy();
        return;
      case 'stream-reset':
        this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
        return;
      default:
        this.#finish(this.#ending);
    }
  }

  #finish(status: Status | undefined): void {
    if (this.#stream.destroyed) return;
    if (status) this.#trailers = trailersOf(status);
    if (this.#stream.headersSent) this.#stream.end();
    else this.#stream.respond({ ...GRPC_HEADERS, ...this.#trailers }, { endStream: true });
  }
}

const GRPC_HEADERS = { ':status': 200, 'content-type': 'application/grpc' };
