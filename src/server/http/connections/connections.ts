/**
 * Which connections there are, and which one gives up its place if there are too many. A connection that
 * runs no request is closed in favour of a new one: first one that never sent a request, the oldest first.
 * So silent connections keep nobody out. If all of them run requests, a few more may ask for the state of
 * the server, so that health checks succeed. The same holds for the connections of one address.
 */
import type { Http2Session, ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { type Clock, isLoopbackPeer } from '@postlude/queue/foundations';
import { LRUCache } from 'lru-cache';
import { addressParty } from '../../admission/party.ts';
import { Connection } from './connection.ts';

export interface ConnectionLimits {
  readonly maxConnections: number;
  /**
   * Half of all by default. Does not hold for loopback, from where a proxy may bring everybody's requests.
   */
  readonly maxConnectionsPerAddress?: number | undefined;
  /** Trusted proxies bring everybody's requests as well, so they have no limit of their own. */
  readonly isProxy?: (address: string) => boolean;
}

const PROBES = 8;

/** How often the callers of one address, or of one network of IPv6, may cancel requests. */
const CANCELLATIONS = { burst: 1_000, perSecond: 100, perViolation: 100 };
/** Addresses whose cancellations are remembered. */
const MAX_CANCELLING = 10_000;

export class Connections {
  readonly #limits: ConnectionLimits;
  readonly #clock: Clock;
  /** The oldest first. */
  readonly #open = new Map<Socket, Connection>();
  readonly #probes = new Set<Connection>();
  /** By address, or by network of IPv6. */
  readonly #perParty = new Map<string, number>();
  readonly #sessions = new WeakMap<Http2Session, Connection>();
  /** When the cancellations of a party will be paid off, by party. */
  readonly #paidOffAt = new LRUCache<string, number>({ max: MAX_CANCELLING });

  constructor(limits: ConnectionLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Returns `undefined` if the connection is refused, and closed. */
  accept(socket: Socket): Connection | undefined {
    const address = socket.remoteAddress ?? '';
    const { name: party } = addressParty(address);
    if (this.#cancelsTooMuch(party) || !this.#hasRoomFor(address, party)) {
      socket.destroy();
      return undefined;
    }
    const now = this.#clock.monotonicMs();
    const connection = new Connection(socket, { now, party, isProbe: !this.#hasRoom() });
    this.#add(connection);
    return connection;
  }

  bind(connection: Connection, session: ServerHttp2Session): void {
    connection.session = session;
    this.#sessions.set(session, connection);
  }

  /** By the socket of HTTP/1.1, or the session of HTTP/2. */
  find(owner: Socket | Http2Session): Connection | undefined {
    return this.#open.get(owner as Socket) ?? this.#sessions.get(owner as Http2Session);
  }

  /**
   * Notes that the client has cancelled a request soon after sending it. A cancelled request costs its client next to nothing, so
   * one that cancels too many loses the connection, and gets another when the excess is paid off.
   */
  noteCancelled(connection: Connection): void {
    this.#note(connection, 1);
  }

  /** Notes that a session broke the protocol, perhaps with thousands of requests that nobody can count any more. */
  noteViolation(connection: Connection): void {
    this.#note(connection, CANCELLATIONS.perViolation);
  }

  #note(connection: Connection, cancellations: number): void {
    if (this.#limits.isProxy?.(connection.address)) return;
    const { party } = connection;
    const from = Math.max(this.#paidOffAt.get(party) ?? 0, this.#clock.monotonicMs());
    this.#paidOffAt.set(party, from + (cancellations * 1000) / CANCELLATIONS.perSecond);
    if (this.#cancelsTooMuch(party)) this.#remove(connection);
  }

  #cancelsTooMuch(party: string): boolean {
    const { burst, perSecond } = CANCELLATIONS;
    const owedMs = (this.#paidOffAt.get(party) ?? 0) - this.#clock.monotonicMs();
    return owedMs > (burst / perSecond) * 1000;
  }

  /** Ends connections and responses whose time is over. */
  check(): void {
    const now = this.#clock.monotonicMs();
    for (const connection of this.#open.values()) connection.check(now);
  }

  destroyAll(): void {
    for (const connection of [...this.#open.values()]) this.#remove(connection);
  }

  /** Closes connections of HTTP/1.1 that have not sent a whole head, which Node takes for busy ones. */
  closeSilent(): void {
    for (const connection of [...this.#open.values()]) {
      const { hasAsked, isHttp2, isIdle } = connection;
      if (isIdle && !hasAsked && !isHttp2) this.#remove(connection);
    }
  }

  #add(connection: Connection): void {
    const { party, socket } = connection;
    this.#open.set(socket, connection);
    this.#perParty.set(party, this.#countOf(party) + 1);
    if (connection.isProbe) this.#addProbe(connection);
    socket.once('close', () => {
      this.#open.delete(socket);
      this.#probes.delete(connection);
      const left = this.#countOf(party) - 1;
      if (left > 0) this.#perParty.set(party, left);
      else this.#perParty.delete(party);
    });
  }

  #addProbe(connection: Connection): void {
    const [oldest] = this.#probes;
    if (oldest && this.#probes.size >= PROBES) this.#remove(oldest);
    this.#probes.add(connection);
  }

  #hasRoomFor(address: string, party: string): boolean {
    if (isLoopbackPeer(address) || this.#limits.isProxy?.(address)) return true;
    const { maxConnections, maxConnectionsPerAddress: max = Math.ceil(maxConnections / 2) } =
      this.#limits;
    if (this.#countOf(party) < max) return true;
    return this.#closeIdle((connection) => connection.party === party);
  }

  #hasRoom(): boolean {
    if (this.#open.size - this.#probes.size < this.#limits.maxConnections) return true;
    return this.#closeIdle((connection) => !connection.isProbe);
  }

  /** Returns whether one was closed. */
  #closeIdle(isCandidate: (connection: Connection) => boolean): boolean {
    let idle: Connection | undefined;
    for (const connection of this.#open.values()) {
      if (!connection.isIdle || !isCandidate(connection)) continue;
      if (!connection.hasAsked) {
        this.#remove(connection);
        return true;
      }
      idle ??= connection;
    }
    if (idle) this.#remove(idle);
    return idle !== undefined;
  }

  /** The socket's `close` comes later; its place is free from now on. */
  #remove(connection: Connection): void {
    this.#open.delete(connection.socket);
    this.#probes.delete(connection);
    connection.destroy();
  }

  #countOf(party: string): number {
    return this.#perParty.get(party) ?? 0;
  }
}
