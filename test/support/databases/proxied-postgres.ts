/** The run's PostgreSQL server, reached through a proxy that fails when a test says so. */

import type { PostgresOptions } from '@postlude/queue/postgres';
import type { Database } from '@postlude/queue/storage';
import pg from 'pg';
import { onTestFinished } from 'vitest';
import { startTcpProxy, type TcpProxy } from '../network/tcp-proxy.ts';
import { createPostgresSuiteTables } from '../suites/suite-tables-postgres.ts';
import { openTestPostgres, testPostgresUrl, testSchema } from './databases.ts';

export interface ProxiedPostgres {
  /** Reaches the server through the proxy. */
  readonly db: Database;
  /** Reaches it directly. */
  readonly outside: Database;
  readonly proxy: TcpProxy;
  readonly schema: string;
}

/** Starts a proxy, and returns the URL that leads through it. */
export async function proxyPostgres(): Promise<{ readonly proxy: TcpProxy; readonly url: string }> {
  const url = new URL(testPostgresUrl());
  const proxy = await startTcpProxy(Number(url.port || 5432));
  onTestFinished(() => proxy.close());
  url.hostname = '127.0.0.1';
  url.port = String(proxy.port);
  return { proxy, url: url.href };
}

/** Opens a database with the tables of the conformance suite twice: through the proxy, and directly. */
export async function openThroughProxy(options: PostgresOptions = {}): Promise<ProxiedPostgres> {
  const { proxy, url } = await proxyPostgres();
  const schema = testSchema();
  const outside = await openTestPostgres({ schema });
  await createPostgresSuiteTables(outside);
  const db = await openTestPostgres({ ...options, url, schema, migrated: false });
  return { db, outside, proxy, schema };
}

/** Takes transaction ids that a crashed server has handed out before without keeping them. */
export async function takeTransactionIds(url: string, count: number): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  for (let taken = 0; taken < count; taken++) await client.query('SELECT pg_current_xact_id()');
  await client.end();
}
