/**
 * A gRPC server on plain HTTP/2, which can do what a library's server cannot: break a call or its connection at
 * any moment.
 */
import {
  constants,
  type IncomingHttpHeaders,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { createServer, type Server, type Socket } from 'node:net';
import { protos } from '@google-cloud/bigquery-storage';
import { status } from '@grpc/grpc-js';
import { WriteError } from './errors.ts';

const FRAME_HEAD = 5;
const WINDOW_BYTES = 4 * 1024 * 1024;

export type GrpcHandler = (call: GrpcCall) => Promise<void>;

export class GrpcServer {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets: ReadonlySet<Socket>;

  private constructor(server: Server, sockets: ReadonlySet<Socket>) {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the server has no port');
    this.port = address.port;
    this.#server = server;
    this.#sockets = sockets;
  }

  /** The handler ends each call; if it throws, the call fails with that error. */
  static async start(handler: GrpcHandler): Promise<GrpcServer> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => undefined); // the client has gone; its calls end by themselves
      serve(socket, handler);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new GrpcServer(server, sockets);
  }

  /** Breaks all connections. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function serve(socket: Socket, handler: GrpcHandler): void {
  const session: ServerHttp2Session = performServerHandshake(socket, {
    settings: { initialWindowSize: WINDOW_BYTES },
  });
  session.setLocalWindowSize(WINDOW_BYTES);
  session.on('error', () => undefined);
  session.on('stream', (stream, headers) => {
    const call = new GrpcCall(stream, socket, headers);
    handler(call).catch((error: unknown) => call.fail(error));
  });
}

export class GrpcCall {
  /** Without the service's name. */
  readonly method: string;
  /** The parameters by which the service routes the call. */
  readonly routing: string;
  readonly #stream: ServerHttp2Stream;
  readonly #socket: Socket;
  readonly #closed = new AbortController();
  #hasEnded = false;

  constructor(stream: ServerHttp2Stream, socket: Socket, headers: IncomingHttpHeaders) {
    const path = String(headers[constants.HTTP2_HEADER_PATH]);
    this.method = path.slice(path.lastIndexOf('/') + 1);
    this.routing = decodeURIComponent(String(headers['x-goog-request-params'] ?? ''));
    this.#stream = stream;
    this.#socket = socket;
    stream.on('error', () => undefined);
    stream.on('close', () => this.#closed.abort());
  }

  /** Aborts when the call has ended, however it did. */
  get signal(): AbortSignal {
    return this.#closed.signal;
  }

  /** Whether this side has ended or broken the call. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** The messages of the client, until either side ends or breaks the call. */
  async *requests(): AsyncGenerator<Buffer> {
    const frames = new Frames();
    try {
      // After its one request a call still has to be answered, so its stream must stay.
      const chunks = this.#stream.iterator({ destroyOnReturn: false });
      for await (const chunk of chunks) {
        for (const message of frames.add(chunk as Buffer)) {
          if (this.#hasEnded) return;
          yield message;
        }
      }
    } catch (error) {
      if (!this.#stream.destroyed) throw error;
    }
  }

  async request(): Promise<Buffer> {
    for await (const message of this.requests()) return message;
    throw new Error(`${this.method} has no request`);
  }

  send(message: Uint8Array): void {
    if (!this.#isOpen()) return;
    this.#respond();
    const head = Buffer.alloc(FRAME_HEAD);
    head.writeUInt32BE(message.length, 1);
    this.#stream.write(Buffer.concat([head, message]));
  }

  /** Ends the call with status OK. */
  end(): void {
    this.#end({ code: status.OK, message: '' });
  }

  fail(error: unknown): void {
    if (error instanceof WriteError) this.#end(error.toStatus(), error.trailers);
    else this.#end(unknown(error));
  }

  /** Breaks the connection, and with it all calls that it carries. */
  cut(): void {
    this.#hasEnded = true;
    this.#socket.resetAndDestroy();
  }

  #isOpen(): boolean {
    return !this.#hasEnded && !this.#stream.destroyed && !this.#stream.closed;
  }

  #respond(): void {
    if (this.#stream.headersSent) return;
    const head = { ':status': 200, 'content-type': 'application/grpc+proto' };
    this.#stream.respond(head, { waitForTrailers: true });
  }

  #end(outcome: protos.google.rpc.IStatus, trailers: Readonly<Record<string, string>> = {}): void {
    if (!this.#isOpen()) return;
    this.#hasEnded = true;
    this.#respond();
    const details = protos.google.rpc.Status.encode(outcome).finish();
    this.#stream.on('wantTrailers', () => {
      this.#stream.sendTrailers({
        ...trailers,
        'grpc-status': String(outcome.code ?? 0),
        'grpc-message': (outcome.message ?? '').replace(/[^ -$&-~]|^ | $/gu, encodeURIComponent),
        ...(outcome.code
          ? { 'grpc-status-details-bin': Buffer.from(details).toString('base64') }
          : {}),
      });
    });
    this.#stream.end();
    // The rest of the client's messages is not wanted.
    this.#stream.resume();
  }
}

/** Cuts a byte stream into messages, each of which is copied once. */
class Frames {
  #chunks: Buffer[] = [];
  #bytes = 0;

  *add(chunk: Buffer): Generator<Buffer> {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    for (let end = this.#end(); end <= this.#bytes; end = this.#end()) {
      const whole = this.#join();
      this.#chunks = [whole.subarray(end)];
      this.#bytes -= end;
      yield whole.subarray(FRAME_HEAD, end);
    }
  }

  /** The length of the first frame; more than there is if that is not known yet. */
  #end(): number {
    if (this.#bytes < FRAME_HEAD) return Number.POSITIVE_INFINITY;
    const head = (this.#chunks[0]?.length ?? 0) < FRAME_HEAD ? this.#join() : this.#chunks[0];
    return FRAME_HEAD + (head ?? Buffer.alloc(FRAME_HEAD)).readUInt32BE(1);
  }

  #join(): Buffer {
    const [first] = this.#chunks;
    if (first && this.#chunks.length === 1) return first;
    const whole = Buffer.concat(this.#chunks);
    this.#chunks = [whole];
    return whole;
  }
}

function unknown(error: unknown): protos.google.rpc.IStatus {
  return {
    code: status.UNKNOWN,
    message: error instanceof Error ? (error.stack ?? '') : `${error}`,
  };
}
