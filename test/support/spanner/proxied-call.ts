/** One call through a proxy. Its request is a single message. */
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
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
 * How a call ends for the client: with a status, by a reset of its stream, by the loss of its whole
 * connection, or not at all until its deadline passes.
 */
export type Ending = Status | 'stream-reset' | 'connection-lost' | 'silence';

export interface Fault {
  /**
   * - `before`: the server never gets the call.
   * - `after`: the server does all its work.
   */
  readonly moment: 'before' | 'after';
  readonly ending: Ending;
  /** How many messages of the response the client still gets; none by default. */
  readonly messages?: number;
}

export interface Call {
  /** The name of the method without its service: `Commit`. */
  readonly method: string;
  /** The number of earlier calls of this method. */
  readonly nth: number;
  /** The request's message. */
  readonly request: Uint8Array;
  /**
   * Calls another method of the same service first, and returns the first message of its response, if any.
   */
  send(method: string, request: Uint8Array): Promise<Uint8Array>;
}

/** Returns the fault of a call, if any. */
export type Faults = (call: Call) => Fault | undefined | Promise<Fault | undefined>;

/** Changes to messages, for tests that need features that the server does not have. */
export interface Rewrite {
  request(method: string, message: Uint8Array): Uint8Array;
  /** Returns `undefined` to drop the message. `index` counts the server's messages. */
  answer(
    call: Pick<Call, 'method' | 'request'>,
    message: Uint8Array,
    index: number,
  ): Uint8Array | undefined;
}

export interface ProxiedCallConfig extends Pick<Call, 'method' | 'nth'> {
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly server: ClientHttp2Session;
  /** The proxy's own connection to the server, which survives the loss of others. */
  readonly own: ClientHttp2Session;
  readonly rewrite: Rewrite;
}

export class ProxiedCall {
  readonly #config: ProxiedCallConfig;
  readonly #stream: ServerHttp2Stream;
  readonly #closed: Promise<unknown>;
  /** `undefined` if the call ends as the server ends it. */
  #ending: Ending | undefined;
  #trailers: OutgoingHttpHeaders = {};

  constructor(config: ProxiedCallConfig) {
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
    const answer = open(this.#config.server, this.#config.headers, rewritten);
    const stop = (): void => answer.close(constants.NGHTTP2_CANCEL);
    if (!fault) this.#stream.once('close', stop);
    await this.#relay(call, answer, fault ? (fault.messages ?? 0) : Infinity);
    this.#stream.off('close', stop);
    this.#end();
  }

  async #send(method: string, request: Uint8Array): Promise<Uint8Array> {
    const { headers, own } = this.#config;
    const path = String(headers[':path']).replace(/[^/]*$/, method);
    const answer = open(own, { ...headers, ':path': path }, request);
    return (await buffer(answer)).subarray(PREFIX_BYTES);
  }

  /** Forwards the first messages, and waits for the others. */
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

function open(
  server: ClientHttp2Session,
  headers: IncomingHttpHeaders,
  request: Uint8Array,
): ClientHttp2Stream {
  const answer = server.request(headers);
  answer.on('error', () => undefined);
  answer.end(withPrefix(request));
  return answer;
}
