/**
 * Connections of the driver `pg`, as sessions. They come from a pool and go back to it.
 *
 * No statement waits for ever. The server itself ends one that takes longer than the limit. If the server
 * sends nothing for a little longer than that, the connection has fallen silent (after a failover, or
 * because a firewall forgot it) and is closed. The idle connections of the pool are not trusted from then on.
 */
import type { Duplex } from 'node:stream';
import type { Client, ClientConfig, Pool, PoolClient, PoolConfig } from 'pg';
import { Mutex } from '../../../foundations/concurrency.ts';
import { CodedError } from '../../../foundations/errors.ts';
import { CommitMarks, type MarkedSession } from '../transactions/commit-marks.ts';
import { SET_BEGUN } from '../transactions/statements.ts';
import type { WireParam } from '../types.ts';
import { type ServerProcess, sendCancelRequest } from './cancel-request.ts';
import { DelayedBegin, type StreamClient } from './delayed-begin.ts';
import { type CallbackClient, queryWithin } from './limited-client.ts';
import { type PgQuery, type PgResult, rethrow, runOn, runScript } from './queryable.ts';
import { Sockets } from './sockets.ts';
import type { StatementNames } from './statement-names.ts';
import { Trust } from './trust.ts';

/** A session that its caller owns until it is released. */
export interface Connection extends MarkedSession {
  /**
   * Sends BEGIN together with the next statement, in one packet, and resolves when it has been answered. The
   * server ends the transaction's statements at the limit.
   */
  beginAhead(begin: string): Promise<void>;
  /**
   * Returns the session to the pool; a `broken` one is closed, and its mark dropped. It can be called
   * again.
   */
  release(state: 'usable' | 'broken'): void;
  /** Has the server end a statement that it is running, and closes the connection. Without one, does nothing. */
  abandon(): void;
}

export interface Connections {
  acquire(): Promise<Connection>;
  /** Returns the same connections with another limit for each statement; `undefined` means no limit. */
  limitedTo(limitMs: number | undefined): Connections;
  /** Opens a connection outside the pool, to listen on. Aborting `signal` ends the attempt to connect. */
  dedicated(signal: AbortSignal): Promise<DedicatedConnection>;
  readonly marks: CommitMarks;
  /** Whether a connection is open and not in use. */
  hasIdle(): boolean;
  /** Waits until all sessions are released. */
  close(): Promise<void>;
  /** Cuts all connections at once, whatever runs on them. */
  cut(): void;
}

export interface DedicatedConnection {
  readonly client: Client;
  /** Sends the end of the session without waiting for an answer, as a silent server gives none. */
  end(): void;
}

export interface ConnectionsConfig {
  readonly driver: typeof import('pg');
  readonly pool: PoolConfig;
  readonly names: StatementNames | undefined;
  /** How long a statement may take, unless `limitedTo` says otherwise; `undefined` means no limit. */
  readonly limitMs?: number | undefined;
  readonly onIdleError: (error: Error) => void;
}

/** Time for the server itself to report that a statement took too long, before it counts as silent. */
const ANSWER_MS = 2_000;
/** The least time for which a transaction may be idle before the server ends it. */
const LEAST_IDLE_MS = 10_000;
/** The limit for a listener's statements, none of which takes long. */
const LISTENER_LIMIT_MS = 5_000;
const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelayMillis: 10_000 };

export function openConnections(config: ConnectionsConfig): Connections {
  const { Pool, Client } = config.driver.default;
  const sockets = new Sockets();
  const openSocket = sockets.opener(config.pool.stream);
  const poolConfig = { ...KEEP_ALIVE, ...config.pool, stream: openSocket };
  const pool: Pool = new Pool(poolConfig);
  const trust = new Trust();
  // An idle connection that breaks leaves the pool by itself. An error event without a listener would end
  // the process, so each connection has a listener for as long as it lives.
  pool.on('error', config.onIdleError);
  pool.on('connect', (client) => {
    trust.heard(client);
    client.on('error', () => undefined);
  });
  const marks = new CommitMarks();
  let closing: Promise<void> | undefined;
  const limitedTo = (limitMs: number | undefined): Connections => ({
    limitedTo,
    async acquire() {
      while (true) {
        if (closing) throw closedError();
        const client = await pool.connect().catch(rethrow);
        if (trust.has(client))
          return pooledConnection(client, { ...config, limitMs, trust, marks, openSocket });
        client.release(true);
      }
    },
    async dedicated(signal) {
      if (closing || signal.aborted) throw closedError();
      const socket = poolConfig.stream();
      const client = new Client({ ...listenerConfig(poolConfig), stream: () => socket });
      client.on('error', config.onIdleError);
      await connect(client, socket, signal).catch(rethrow);
      return { client, end: () => leave(client, socket) };
    },
    marks,
    hasIdle: () => pool.idleCount > 0,
    close() {
      closing ??= pool.end().then(() => sockets.letGo());
      return closing;
    },
    cut: () => sockets.destroy(),
  });
  return limitedTo(config.limitMs);
}

function listenerConfig(pool: PoolConfig): ClientConfig {
  return { ...pool, pipeline: false, query_timeout: LISTENER_LIMIT_MS };
}

async function connect(client: Client, socket: Duplex, signal: AbortSignal): Promise<void> {
  const giveUp = (): unknown => socket.destroy();
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    await client.connect();
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

function leave(client: Client, socket: Duplex): void {
  void client.end().catch(() => undefined);
  socket.end(() => socket.destroy());
}

interface PooledConfig extends Pick<ConnectionsConfig, 'names' | 'limitMs'> {
  readonly trust: Trust;
  readonly marks: CommitMarks;
  readonly openSocket: () => Duplex;
}

function pooledConnection(client: PoolClient, config: PooledConfig): Connection {
  const { names, limitMs, trust, marks } = config;
  const turns = new Mutex();
  const mark = marks.take();
  let isReleased = false;
  let running = 0;
  const silenceMs = limitMs === undefined ? undefined : limitMs + ANSWER_MS;
  const limitedClient = {
    query: (query: PgQuery | string) =>
      queryWithin(client as unknown as CallbackClient<typeof query, PgResult>, query, silenceMs),
  };
  const watch = async <T>(answer: Promise<T>): Promise<T> => {
    running++;
    try {
      return await trust.watch(client, answer);
    } finally {
      running--;
    }
  };
  const begin = new DelayedBegin(client as unknown as StreamClient);
  const run = (text: string, values: readonly WireParam[], used?: StatementNames) => {
    begin.send();
    return watch(runOn(limitedClient, { text, values, names: used }));
  };
  const script = (text: string) => {
    begin.send();
    return watch(runScript(limitedClient, text));
  };
  const release = (state: 'usable' | 'broken'): void => {
    if (isReleased) return;
    isReleased = true;
    if (state === 'usable') marks.giveBack(mark);
    client.release(state === 'broken');
  };
  return {
    mark,
    run: (text, values = []) => turns.run(() => run(text, values, names)),
    runAhead: (text, values = []) => run(text, values, names),
    beginAhead: (text) => begin.delay(() => script(limited(marked(text), limitMs))),
    runScript: (text) => turns.run(() => script(text)),
    release,
    abandon() {
      if (isReleased || running === 0) return;
      sendCancelRequest(config.openSocket(), client as unknown as ServerProcess);
      release('broken');
    },
  };
}

function marked(begin: string): string {
  return isReadOnly(begin) ? begin : `${begin}; ${SET_BEGUN}`;
}

function isReadOnly(begin: string): boolean {
  return begin.endsWith('READ ONLY');
}

/**
 * Sets the limits by SET LOCAL, as poolers refuse them as parameters of the connection. A server that does
 * not notice that its client is gone would keep the locks of a writing transaction for ever; reads hold none.
 */
function limited(begin: string, limitMs: number | undefined): string {
  if (limitMs === undefined) return begin;
  const limits = `${begin}; SET LOCAL statement_timeout = ${limitMs}`;
  if (isReadOnly(begin)) return limits;
  const idleMs = Math.max(2 * limitMs, LEAST_IDLE_MS);
  return `${limits}; SET LOCAL idle_in_transaction_session_timeout = ${idleMs}`;
}

function closedError(): CodedError {
  return new CodedError('failed-precondition', 'the database has been closed');
}
