/** Connections of the driver `pg`, as sessions. They come from a pool and go back to it. */
import type { Client, ClientConfig, Pool, PoolClient, PoolConfig } from 'pg';
import { Mutex } from '../../concurrency.ts';
import { CodedError } from '../../errors.ts';
import { CommitMarks, type MarkedSession } from './commit-marks.ts';
import { toStorageError } from './errors.ts';
import type { SessionResult } from './session.ts';
import type { StatementNames } from './statement-names.ts';
import type { WireValue } from './types.ts';

/** A session that is ours until it is released. */
export interface Connection extends MarkedSession {
  /** Gives it back; `broken` ones are thrown away, with their marks. Idempotent. */
  release(state: 'usable' | 'broken'): void;
}

export interface Connections {
  acquire(): Promise<Connection>;
  /** One of its own, outside the pool, to listen on. */
  dedicated(): Promise<Client>;
  readonly marks: CommitMarks;
  /** Whether one is open that nobody uses. */
  hasIdle(): boolean;
  close(): Promise<void>;
}

export interface ConnectionsConfig {
  readonly driver: typeof import('pg');
  readonly pool: PoolConfig;
  readonly names: StatementNames | undefined;
  readonly onIdleError: (error: Error) => void;
}

export function openConnections(config: ConnectionsConfig): Connections {
  const { Pool, Client } = config.driver.default;
  const pool: Pool = new Pool(config.pool);
  // An idle connection that breaks leaves the pool by itself. Unheard, an error ends the process; so
  // each connection has a listener for life, also while it is handed out or thrown away.
  pool.on('error', config.onIdleError);
  pool.on('connect', (client) => client.on('error', () => undefined));
  const marks = new CommitMarks();
  let closing: Promise<void> | undefined;
  return {
    async acquire() {
      if (closing) throw closedError();
      const client = await pool.connect().catch(rethrow);
      return pooledConnection(client, config.names, marks);
    },
    async dedicated() {
      if (closing) throw closedError();
      const client = new Client(clientConfig(config.pool));
      client.on('error', config.onIdleError);
      await client.connect().catch(rethrow);
      return client;
    },
    marks,
    hasIdle: () => pool.idleCount > 0,
    close() {
      closing ??= pool.end();
      return closing;
    },
  };
}

/** Keep-alive, since a listener would never notice otherwise that the other end has gone. */
function clientConfig(pool: PoolConfig): ClientConfig {
  return { ...pool, pipeline: false, keepAlive: true, keepAliveInitialDelayMillis: 10_000 };
}

function pooledConnection(
  client: PoolClient,
  names: StatementNames | undefined,
  marks: CommitMarks,
): Connection {
  const turns = new Mutex();
  const mark = marks.take();
  let isReleased = false;
  return {
    mark,
    run: (text, values = []) => turns.run(() => runOn(client, text, values, names)),
    runAhead: (text, values = []) => runOn(client, text, values, names),
    runScript: (text) => turns.run(() => runScript(client, text)),
    release(state) {
      if (isReleased) return;
      isReleased = true;
      if (state === 'usable') marks.giveBack(mark);
      client.release(state === 'broken');
    },
  };
}

/** The part of a client of `pg` that runs statements; structural, for users' own clients. */
export interface PgQueryable {
  query(config: {
    readonly text: string;
    readonly values?: WireValue[];
    readonly name?: string;
    readonly rowMode: 'array';
    readonly types: { getTypeParser(): (text: string) => unknown };
  }): Promise<{
    readonly command: string;
    readonly rowCount: number | null;
    readonly fields: readonly { readonly name: string }[];
    readonly rows: readonly unknown[];
  }>;
}

const asText = { getTypeParser: () => (text: string) => text };

/** Runs one statement; what it answers stays text. */
export async function runOn(
  client: PgQueryable,
  text: string,
  values: readonly WireValue[],
  names: StatementNames | undefined,
): Promise<SessionResult> {
  const name = values.length === 0 ? undefined : names?.nameOf(text);
  const result = await client
    .query({
      text,
      rowMode: 'array',
      types: asText,
      ...(values.length === 0 ? {} : { values: [...values] }),
      ...(name === undefined ? {} : { name }),
    })
    .catch(rethrow);
  return {
    command: result.command,
    fields: result.fields.map((field) => field.name),
    rows: result.rows as readonly (readonly WireValue[])[],
    count: result.rowCount ?? 0,
  };
}

export async function runScript(
  client: { query(text: string): Promise<unknown> },
  text: string,
): Promise<void> {
  await client.query(text).catch(rethrow);
}

function closedError(): CodedError {
  return new CodedError('failed-precondition', 'the database has been closed');
}

function rethrow(thrown: unknown): never {
  throw toStorageError(thrown);
}
