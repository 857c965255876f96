/**
 * LISTEN and NOTIFY. All listeners share one connection, which is opened for the first of them. When it is
 * lost, it is opened again, with growing pauses; what is sent meanwhile is missed.
 *
 * A connection that only listens would not notice that the server is gone, so it sends a query now and then.
 */
import type { Clock } from '../../foundations/clock.ts';
import { Mutex } from '../../foundations/concurrency.ts';
import { CodedError, toError } from '../../foundations/errors.ts';
import type { Log } from '../../foundations/log.ts';
import type { Random } from '../../foundations/random.ts';
import { backoffMs } from '../../foundations/retry.ts';
import { checkPayload, type Listener, Listeners } from '../backend/listeners.ts';
import type { NestingGuard } from '../backend/nesting.ts';
import type { Notifications } from '../database.ts';
import type { Connections, DedicatedConnection } from './connections/connections.ts';
import { quoteName } from './session.ts';
import { withConnection } from './transactions/transact.ts';

export interface NotificationsConfig {
  readonly connections: Connections;
  /** Part of each channel's name, so that each schema has its own channels. */
  readonly schema: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** A notification needs a connection; inside a transaction it might wait for one for ever. */
  readonly guard: NestingGuard;
  /** How often to check that the server is still there; 10 s by default. */
  readonly probeEveryMs?: number;
}

const RECONNECT = { initialMs: 50, maxMs: 10_000 };
const DEFAULT_PROBE_EVERY_MS = 10_000;
/**
 * The server sends a notification after its transaction has been committed, for which it would flush its log.
 * A notification that a crash loses is one of those that are missed, so nobody waits for the disk.
 */
const NOTIFY = `SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2)::text`;
/** PostgreSQL cuts longer names without an error. */
const MAX_CHANNEL_BYTES = 63;

export class PostgresNotifications implements Notifications {
  readonly #config: NotificationsConfig;
  readonly #listeners = new Listeners();
  /** Connecting, LISTEN and UNLISTEN run one after the other, so that the last request takes effect. */
  readonly #turns = new Mutex();
  readonly #closed = new AbortController();
  #connection: DedicatedConnection | undefined;

  constructor(config: NotificationsConfig) {
    this.#config = config;
  }

  async notify(channel: string, payload: string): Promise<void> {
    this.#config.guard.check('notify');
    checkPayload(payload);
    const name = this.#nameOf(channel);
    await withConnection(this.#config.connections, (connection) =>
      connection.run(NOTIFY, [name, payload]),
    );
  }

  /** Resolves when it listens, or when a first attempt to connect has failed; others follow then. */
  async listen(channel: string, fn: Listener): Promise<() => Promise<void>> {
    const name = this.#nameOf(channel);
    const remove = this.#listeners.add(name, fn);
    await this.#turns.run(() => this.#startListening(name));
    return async () => {
      remove();
      await this.#turns.run(async () => this.#stopListening(name));
    };
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.#listeners.clear();
    this.#connection?.end(); // so that callers that wait for its answers stop waiting
    await this.#turns.run(async () => this.#disconnect());
  }

  async #startListening(name: string): Promise<void> {
    if (this.#closed.signal.aborted) return;
    if (!this.#connection) return await this.#connectOrFollow();
    await this.#connection.client.query(`LISTEN ${quoteName(name)}`).catch(() => undefined); // the listener for its end notices
  }

  /** Does not wait for UNLISTEN; a notification that still arrives has no listener any more. */
  #stopListening(name: string): void {
    if (this.#listeners.has(name)) return;
    if (this.#listeners.channels().length === 0) this.#disconnect();
    else this.#connection?.client.query(`UNLISTEN ${quoteName(name)}`).catch(() => undefined);
  }

  async #connectOrFollow(): Promise<void> {
    const isConnected = await this.#connect();
    if (!isConnected) void this.#reconnect();
  }

  /** Opens the connection and listens on all channels. */
  async #connect(): Promise<boolean> {
    try {
      const connection = await this.#config.connections.dedicated(this.#closed.signal);
      const { client } = connection;
      client.on('notification', ({ channel, payload }) =>
        this.#listeners.deliver(channel, payload ?? '', this.#config.log),
      );
      client.once('end', () => this.#onEnd(connection));
      this.#connection = connection;
      for (const name of this.#listeners.channels())
        await client.query(`LISTEN ${quoteName(name)}`);
      void this.#probe(connection);
      return true;
    } catch (error) {
      if (!this.#closed.signal.aborted) {
        this.#config.log.warn('cannot listen for notifications', { error: toError(error) });
      }
      this.#disconnect();
      return false;
    }
  }

  /** Ends the connection if the server does not answer, so that another one is opened. */
  async #probe(connection: DedicatedConnection): Promise<void> {
    const { clock, probeEveryMs = DEFAULT_PROBE_EVERY_MS } = this.#config;
    const ended = new AbortController();
    const { client } = connection;
    client.once('end', () => ended.abort());
    while (true) {
      await clock.sleep(probeEveryMs, AbortSignal.any([ended.signal, this.#closed.signal]));
      if (this.#connection !== connection) return;
      try {
        await client.query('SELECT 1');
      } catch {
        connection.end();
        return;
      }
    }
  }

  #onEnd(connection: DedicatedConnection): void {
    if (this.#connection !== connection) return; // we ended it ourselves
    this.#connection = undefined;
    if (this.#closed.signal.aborted) return;
    this.#config.log.warn('lost the connection that listens for notifications');
    void this.#reconnect();
  }

  async #reconnect(): Promise<void> {
    const { clock, random } = this.#config;
    for (let attempt = 1; !this.#closed.signal.aborted; attempt++) {
      await clock.sleep(backoffMs(RECONNECT, attempt, random), this.#closed.signal);
      const isDone = await this.#turns.run(async () => {
        const isWanted = this.#listeners.channels().length > 0 && !this.#closed.signal.aborted;
        return !isWanted || this.#connection !== undefined || (await this.#connect());
      });
      if (isDone) return;
    }
  }

  #disconnect(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.end();
  }

  #nameOf(channel: string): string {
    const name = `${this.#config.schema}.${channel}`;
    if (Buffer.byteLength(name) <= MAX_CHANNEL_BYTES) return name;
    throw new CodedError('invalid-argument', `a channel's name is too long: ${name}`);
  }
}
