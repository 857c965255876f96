/**
 * Counts the rows that PostgreSQL has read and written for finalization, by its own counters: the rows that
 * its scans visited, not those that they returned. The queue's own leases are left out, and so is the
 * look-up by key of a row that is updated, which counts as one row written.
 */
import pg from 'pg';

export interface RowCounts {
  readonly read: number;
  readonly written: number;
}

const COUNTS = `
  SELECT
    sum(seq_tup_read) FILTER (WHERE relname <> 'tasks')
      + sum(idx_tup_fetch - n_tup_upd) FILTER (WHERE relname = 'invocations')
      + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes
         WHERE schemaname = $1 AND relname = 'included_invocations') AS read,
    sum(n_tup_upd) FILTER (WHERE relname = 'invocations')
      + sum(n_tup_ins) FILTER (WHERE relname = 'tasks') AS written
  FROM pg_stat_user_tables
  WHERE schemaname = $1 AND relname IN ('invocations', 'included_invocations', 'tasks')`;

/** The counts are complete once the connections that did the work are closed. */
export async function readRowCounts(url: string, schema: string): Promise<RowCounts> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query(COUNTS, [schema]);
    return { read: Number(rows[0].read), written: Number(rows[0].written) };
  } finally {
    await client.end();
  }
}

export function difference(after: RowCounts, before: RowCounts): RowCounts {
  return { read: after.read - before.read, written: after.written - before.written };
}
