/** Counts the queries that others send to the server, by its extension pg_stat_statements. */
import pg from 'pg';

/** Settings of a server that counts. */
export const STATEMENT_STATISTICS = {
  shared_preload_libraries: 'pg_stat_statements',
  'pg_stat_statements.track_utility': 'off',
};

export type QueryCounts = ReadonlyMap<string, number>;

export async function countQueries(url: string): Promise<QueryCounts> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
    const { rows } = await client.query<{ query: string; calls: number }>(
      `SELECT query, sum(calls)::int AS calls FROM pg_stat_statements
        WHERE query NOT LIKE '%pg_stat_statements%' GROUP BY query`,
    );
    return new Map(rows.map(({ query, calls }) => [query, calls]));
  } finally {
    await client.end();
  }
}

/** Returns the queries that were sent between the two counts, the most frequent first. */
export function queriesBetween(
  before: QueryCounts,
  after: QueryCounts,
): readonly { readonly query: string; readonly calls: number }[] {
  return [...after]
    .map(([query, calls]) => ({ query: oneLine(query), calls: calls - (before.get(query) ?? 0) }))
    .filter(({ calls }) => calls > 0)
    .sort((a, b) => b.calls - a.calls);
}

function oneLine(query: string): string {
  return query.replace(/\s+/g, ' ').slice(0, 200);
}
