/** The connections of a contender that enqueues. */
import pg from 'pg';
import { CALLERS } from './contender.ts';

/** Errors of idle connections are ignored, as the server may end before they do. */
export function openPool(url: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: CALLERS });
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}
