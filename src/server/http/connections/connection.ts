/**
 * One connection, and whether it is of use. It has a time for its first request and for reading each part
 * of a response; a peer that vanished without a word no longer responds to pings.
 */
import { constants, type ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { NodeServerResponse } from '@postlude/queue/foundations';

export const FIRST_REQUEST_WITHIN_MS = 15_000;
/** HTTP/2 only. HTTP/1.1 has no pings, and relies on those of TCP. */
export const PING_AFTER_MS = 30_000;
export const PONG_WITHIN_MS = 20_000;
/** HTTP/2 only. Node ends idle connections of HTTP/1.1 itself. */
export const IDLE_MS = 5 * 60_000;
/** How long a client may take to read the buffered part of a response. */
export const READ_WITHIN_MS = 60_000;

export class Connection {
  readonly socket: Socket;
  /** Its address, or network of IPv6. */
  readonly party: string;
  /** Beyond the limit of connections, only the state of the server may be asked for. */
  readonly isProbe: boolean;
  readonly #openedAt: number;
  readonly #responses = new Map<NodeServerResponse, Reading>();
  #session: ServerHttp2Session | undefined;
  #hasAsked = false;
  #busyAt: number;
  #heardAt: number;
  #pingedAt: number | undefined;

  constructor(
    socket: Socket,
    { isProbe, now, party }: Pick<Connection, 'isProbe' | 'party'> & { readonly now: number },
  ) {
    this.socket = socket;
    this.party = party;
    this.isProbe = isProbe;
    this.#openedAt = now;
    this.#heardAt = now;
    this.#busyAt = now;
    socket.setKeepAlive(true, PING_AFTER_MS);
  }

  get address(): string {
    return this.socket.remoteAddress ?? '';
  }

  /** Whether it can be closed without cutting off a request. */
  get isIdle(): boolean {
    return this.#responses.size === 0;
  }

  get hasAsked(): boolean {
    return this.#hasAsked;
  }

  get isHttp2(): boolean {
    return this.#session !== undefined;
  }

  set session(session: ServerHttp2Session) {
    this.#session = session;
  }

  begin(response: NodeServerResponse, now: number): void {
    this.#hasAsked = true;
    this.#heardAt = now;
    const reading = new Reading(response);
    this.#responses.set(response, reading);
    response.once('close', () => this.#responses.delete(response));
  }

  /** Ends the connection, or a response of it, if its time is over. */
  check(now: number): void {
    if (!this.#hasAsked && now - this.#openedAt >= FIRST_REQUEST_WITHIN_MS) this.destroy();
    else if (this.#pingedAt !== undefined && now - this.#pingedAt >= PONG_WITHIN_MS) this.destroy();
    else {
      if (!this.isIdle) this.#busyAt = now;
      else if (now - this.#busyAt >= IDLE_MS) this.#session?.close();
      for (const reading of this.#responses.values()) reading.check(now);
      if (this.#pingedAt === undefined && now - this.#heardAt >= PING_AFTER_MS) this.#ping(now);
    }
  }

  destroy(): void {
    this.#session?.destroy();
    this.socket.destroy();
  }

  #ping(now: number): void {
    const session = this.#session;
    if (!session || session.destroyed) return;
    this.#pingedAt = now;
    session.ping((error) => {
      if (error) return;
      this.#pingedAt = undefined;
      this.#heardAt = now;
    });
  }
}

/** How a client reads one response. */
class Reading {
  readonly #response: NodeServerResponse;
  #waitingSince: number | undefined;

  constructor(response: NodeServerResponse) {
    this.#response = response;
    response.on('drain', () => {
      this.#waitingSince = undefined;
    });
  }

  check(now: number): void {
    const writable = 'stream' in this.#response ? this.#response.stream : this.#response;
    if (!writable || writable.writableLength === 0) this.#waitingSince = undefined;
    else if (this.#waitingSince === undefined) this.#waitingSince = now;
    else if (now - this.#waitingSince >= READ_WITHIN_MS) this.#drop();
  }

  /** Other responses of an HTTP/2 connection go on. */
  #drop(): void {
    const response = this.#response;
    if (!('stream' in response)) response.socket?.destroy();
    else response.stream.close(constants.NGHTTP2_CANCEL, () => response.stream.destroy());
  }
}
