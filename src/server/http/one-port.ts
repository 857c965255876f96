/**
 * HTTP/1.1 and HTTP/2 without TLS on one port: gRPC clients begin with HTTP/2's preface at once
 * ("prior knowledge"); all others speak HTTP/1.1. The first bytes of a connection decide which server
 * gets it. They are put back into the socket before.
 *
 * The number of connections, the size of headers, and the time for sending a request are limited;
 * the files in connections/ say how.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import {
  constants,
  createServer as createHttp2Server,
  type Http2Server,
  type Http2ServerRequest,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import {
  type Clock,
  type Log,
  type Metrics,
  type NodeServerRequest,
  type NodeServerResponse,
  respond,
} from '@postlude/queue/foundations';
import type { ListenAddress } from '../config/setting-values.ts';
import type { Connection } from './connections/connection.ts';
import { type ConnectionLimits, Connections } from './connections/connections.ts';
import { RequestTurns } from './connections/request-turns.ts';
import { refuseForNow } from './rpc-refusals.ts';

export interface OnePortOptions extends ConnectionLimits {
  readonly handle: (request: NodeServerRequest, response: NodeServerResponse) => void;
  /** How long a client may take to send a whole request. */
  readonly requestTimeoutMs: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** RFC 9113, section 3.4. */
const HTTP2_PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const MAX_HEADER_BYTES = 32 * 1024;
const MAX_HEADERS_MS = 15_000;
const MAX_STREAMS = 256;
/** A client may cancel all of its requests at once. Node ends the session of one that cancels more. */
const CANCELLATIONS = { streamResetBurst: MAX_STREAMS, streamResetRate: 33 };
/** A client that has waited for longer before it cancels a request has lost patience, and is no attacker. */
const HASTY_MS = 1_000;
/** Stands for a connection that has been closed before its request could be handled. */
const CLOSED = { party: 'closed' };
const CHECK_EVERY_MS = 5_000;
/** How long a response may take to arrive before its stream is closed, if its request never ends. */
const LINGER_MS = 5_000;
/** How long a peer may take to end its side of a connection that has ended here. */
const ENDED_LINGER_MS = 1_000;
/** All that connections beyond the limit may ask for. */
const PROBED = /^\/(?:healthz|readyz)(?:\?|$)/;

export class OnePort {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #countRefused: () => void;
  readonly #requestTimeoutMs: number;
  readonly #http1: Server;
  readonly #http2: Http2Server;
  readonly #connections: Connections;
  readonly #turns: RequestTurns;
  readonly #undecided = new Set<Socket>();
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #responses = new Set<NodeServerResponse>();
  /** The connection whose HTTP/2 session begins. */
  #beginning: Connection | undefined;
  #isClosing = false;

  constructor(options: OnePortOptions) {
    this.#clock = options.clock;
    this.#log = options.log;
    const refused = options.metrics.counter('postlude.requests.refused', {
      description: 'Requests of HTTP/2 that could not begin in time, since there were too many',
      unit: '{request}',
    });
    this.#countRefused = () => refused.add(1);
    this.#requestTimeoutMs = options.requestTimeoutMs;
    this.#connections = new Connections(options, options.clock);
    this.#turns = new RequestTurns(options.clock);
    const handle = (request: NodeServerRequest, response: NodeServerResponse): void =>
      this.#track(request, response, options.handle);
    this.#http1 = createHttp1(options, handle);
    this.#http2 = createHttp2Server(
      {
        settings: { maxConcurrentStreams: MAX_STREAMS, maxHeaderListSize: MAX_HEADER_BYTES },
        ...CANCELLATIONS,
      },
      handle,
    );
    this.#http2.on('session', (session) => this.#keepSession(session));
    this.#http2.on('error', () => undefined); // a broken session ends only its own streams
    this.#http2.on('sessionError', () => undefined);
    this.#takeOverConnections();
  }

  /** Returns the address, with the port that was taken. */
  async listen({ host, port }: ListenAddress): Promise<ListenAddress> {
    await new Promise<void>((resolve, reject) => {
      this.#http1.once('error', reject);
      this.#http1.listen({ host, port }, () => {
        this.#http1.removeListener('error', reject);
        // Errors such as ENOMEM concern one connection, and must not end the process.
        this.#http1.on('error', (error) => this.#log.error('accept failed', { error }));
        resolve();
      });
    });
    void this.#checkPeriodically();
    return { host, port: (this.#http1.address() as AddressInfo).port };
  }

  /** Ends connections and responses whose time is over. Called periodically. */
  check(): void {
    this.#connections.check();
  }

  async #checkPeriodically(): Promise<void> {
    const closed = new AbortController();
    this.#http1.once('close', () => closed.abort());
    while (!closed.signal.aborted) {
      await this.#clock.sleep(CHECK_EVERY_MS, closed.signal);
      this.check();
    }
  }

  /** The number of running requests. */
  get activeRequests(): number {
    return this.#responses.size;
  }

  /**
   * Stops listening, tells clients to leave, and resolves once running requests and all connections
   * have ended. `destroy` speeds it up.
   */
  close(): Promise<void> {
    this.#isClosing = true;
    const closed = new Promise<void>((resolve) => this.#http1.close(() => resolve()));
    for (const socket of this.#undecided) socket.destroy();
    for (const session of this.#sessions) session.close();
    for (const response of this.#responses) {
      askToLeave(response);
      if ('stream' in response && response.stream?.writableFinished) endStream(response.stream);
    }
    this.#connections.closeSilent();
    return closed;
  }

  /** Cuts all connections, including those with running requests. */
  destroy(): void {
    for (const session of this.#sessions) session.destroy();
    for (const socket of this.#undecided) socket.destroy();
    this.#http1.closeAllConnections();
    this.#connections.destroyAll(); // Those of sessions that have ended wait for their peers.
  }

  /**
   * Node's HTTP/1.1 server still listens and applies its limits and timeouts. Only its handling of a
   * new connection is delayed until the first bytes have arrived.
   */
  #takeOverConnections(): void {
    const serve = this.#http1.listeners('connection') as ((socket: Socket) => void)[];
    this.#http1.removeAllListeners('connection');
    this.#http1.on('connection', (socket: Socket) => {
      const connection = this.#connections.accept(socket);
      if (!connection) return;
      this.#undecided.add(socket);
      socket.once('close', () => this.#undecided.delete(socket));
      decideProtocol(socket, (protocol) => {
        this.#undecided.delete(socket);
        if (protocol === 'http2') this.#serveHttp2(connection);
        else for (const listener of serve) listener.call(this.#http1, socket);
      });
    });
  }

  #serveHttp2(connection: Connection): void {
    // Node's HTTP/1.1 server lets sockets stay open after the peer has ended them. The session would not
    // notice, and keep its requests for ever.
    const { socket } = connection;
    socket.allowHalfOpen = false;
    // A session that has ended waits for its peer to end the connection, which need not happen.
    socket.once('finish', () =>
      socket.once(
        'close',
        this.#unlessWithin(ENDED_LINGER_MS, () => socket.destroy()),
      ),
    );
    this.#beginning = connection;
    this.#http2.emit('connection', connection.socket);
    this.#beginning = undefined;
  }

  /** Calls `fn` after the timeout. Call the returned function to cancel. */
  #unlessWithin(ms: number, fn: () => void): () => void {
    const done = new AbortController();
    void this.#clock.sleep(ms, done.signal).then(() => {
      if (!done.signal.aborted) fn();
    });
    return () => done.abort();
  }

  #keepSession(session: ServerHttp2Session): void {
    this.#sessions.add(session);
    const connection = this.#beginning;
    if (connection) {
      this.#connections.bind(connection, session);
      session.on('stream', (stream) => this.#watchForCancellation(stream, connection));
      session.once('error', (error) => {
        if ('code' in error && error.code === 'ERR_HTTP2_ERROR')
          this.#connections.noteViolation(connection);
      });
    }
    session.once('close', () => this.#sessions.delete(session));
    if (this.#isClosing) session.close();
  }

  #watchForCancellation(stream: ServerHttp2Stream, connection: Connection): void {
    const arrivedAt = this.#clock.monotonicMs();
    const note = (): void => {
      const isHasty = this.#clock.monotonicMs() - arrivedAt < HASTY_MS;
      if (isHasty) this.#connections.noteCancelled(connection);
    };
    if (hasEnded(stream)) note();
    else stream.once('aborted', note);
  }

  #track(
    request: NodeServerRequest,
    response: NodeServerResponse,
    handle: OnePortOptions['handle'],
  ): void {
    if (isOver(request)) return;
    this.#responses.add(response);
    response.once('close', () => this.#responses.delete(response));
    if (this.#isClosing) askToLeave(response);
    const owner = 'stream' in request ? request.stream.session : request.socket;
    const connection = owner && this.#connections.find(owner);
    connection?.begin(response, this.#clock.monotonicMs());
    const begin = (): void => {
      if (!connection?.isProbe) handle(request, response);
      else this.#handleProbe(request, response, handle);
    };
    // A connection of HTTP/1.1 has one request at a time, which waits for its turn as its caller does.
    if ('stream' in request) {
      this.#turns.add({
        connection: connection ?? CLOSED,
        isOver: () => isOver(request),
        begin: () => {
          this.#limitSending(request);
          begin();
        },
        refuse: () => {
          if (PROBED.test(request.url ?? '')) begin();
          else {
            this.#countRefused();
            refuseForNow(request, response);
          }
        },
      });
    } else begin();
  }

  #handleProbe(
    request: NodeServerRequest,
    response: NodeServerResponse,
    handle: OnePortOptions['handle'],
  ): void {
    askToLeave(response);
    if (PROBED.test(request.url ?? '')) handle(request, response);
    else {
      response.setHeader('retry-after', '1');
      respond(response, 503, 'too many connections\n');
    }
  }

  /** Node's own limit on the time for sending a request exists for HTTP/1.1 only. */
  #limitSending(request: Http2ServerRequest): void {
    const { stream } = request;
    const arrived = this.#unlessWithin(this.#requestTimeoutMs, () => {
      stream.close(constants.NGHTTP2_CANCEL);
    });
    stream.once('end', arrived);
    stream.once('close', arrived);
    // A client that is told enough before it has sent all must not keep its stream by sending nothing.
    stream.once('finish', () => {
      if (stream.readableEnded) return;
      const end = (): void => endStream(stream);
      if (this.#isClosing) end();
      else stream.once('close', this.#unlessWithin(LINGER_MS, end));
    });
  }
}

/**
 * Whether the client has cancelled the request before it could be handled. It can do so thousands of times in what is one
 * read of the socket here, and all of a read is parsed before its first request is handled.
 */
function isOver(request: NodeServerRequest): boolean {
  return 'stream' in request && hasEnded(request.stream);
}

function hasEnded({ aborted, closed, destroyed }: ServerHttp2Stream): boolean {
  return aborted || closed || destroyed;
}

/** Ends a stream whose response has been sent, though its request has not arrived as a whole. */
function endStream(stream: ServerHttp2Stream): void {
  stream.close(constants.NGHTTP2_NO_ERROR);
}

function createHttp1(
  options: OnePortOptions,
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  const server = createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: Math.min(MAX_HEADERS_MS, options.requestTimeoutMs),
      requestTimeout: options.requestTimeoutMs,
      connectionsCheckingInterval: Math.min(5_000, options.requestTimeoutMs),
      keepAliveTimeout: 60_000,
    },
    handle,
  );
  return server;
}

/** Reads until the first bytes decide the protocol, and puts them back. */
function decideProtocol(socket: Socket, decided: (protocol: 'http1' | 'http2') => void): void {
  let seen: Buffer = Buffer.alloc(0);
  const giveUp = (): void => {
    socket.destroy();
  };
  const onData = (chunk: Buffer): void => {
    seen = Buffer.concat([seen, chunk]);
    const head = seen.subarray(0, HTTP2_PREFACE.length);
    const isPreface = head.equals(HTTP2_PREFACE.subarray(0, head.length));
    if (isPreface && head.length < HTTP2_PREFACE.length) return;
    socket.removeListener('data', onData);
    socket.removeListener('error', giveUp);
    socket.removeListener('end', giveUp);
    socket.pause();
    socket.unshift(seen);
    decided(isPreface ? 'http2' : 'http1');
    // The HTTP/2 session reads the bytes that were put back by itself.
    if (!isPreface) socket.resume();
  };
  socket.on('error', giveUp);
  socket.on('end', giveUp);
  socket.on('data', onData);
}

/** Needed for HTTP/1.1 only: HTTP/2 sessions have been told already. */
function askToLeave(response: NodeServerResponse): void {
  if (!response.headersSent && response.req.httpVersionMajor === 1) {
    response.setHeader('connection', 'close');
  }
}
