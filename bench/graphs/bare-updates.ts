/** The yardstick of finalization: transactions that update the state of one row each, by key. */
import { forEachLimit } from '@postlude/queue/foundations';
import pg from 'pg';

/** Returns the microseconds for each update. */
export async function bareUpdates(
  url: string,
  { updates, connections }: { readonly updates: number; readonly connections: number },
): Promise<number> {
  const pool = new pg.Pool({ connectionString: url, max: connections });
  try {
    await pool.query('CREATE TABLE IF NOT EXISTS bare_states (id text PRIMARY KEY, state int)');
    await pool.query('TRUNCATE bare_states');
    await pool.query(
      `INSERT INTO bare_states SELECT 'invocation-' || n, 2 FROM generate_series(1, $1::int) AS n`,
      [updates],
    );
    await pool.query('ANALYZE bare_states');
    const startedAt = performance.now();
    const ids = Array.from({ length: updates }, (_, index) => `invocation-${index + 1}`);
    await forEachLimit(ids, connections, async (id) => {
      const text = 'UPDATE bare_states SET state = 3 WHERE id = $1';
      await pool.query({ name: 'update', text, values: [id] });
    });
    return ((performance.now() - startedAt) / updates) * 1000;
  } finally {
    await pool.end();
  }
}
