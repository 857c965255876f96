/** Queries the Parquet file that the run was exported to, with DuckDB. */
import { DuckDBInstance } from '@duckdb/node-api';
import type { Totals } from './totals.ts';

/** Selects failures outside of tests: a command that was killed, a report that was cut. */
const IS_TEST = `NOT list_contains(tags, {'key': 'kind', 'value': 'not_a_test'})`;

export const QUERIES = {
  totals: `SELECT count(*) FILTER (status = 'PASS') AS passed,
       count(*) FILTER (NOT expected) AS failed,
       count(*) FILTER (status = 'SKIP' AND expected) AS skipped
FROM results WHERE ${IS_TEST}`,
  slowest: `SELECT test_id, round(max(duration) * 1000, 1) AS ms FROM results
GROUP BY test_id ORDER BY ms DESC NULLS LAST LIMIT 3`,
  flaky: `SELECT test_id, list(status ORDER BY parent.id) AS attempts FROM results
GROUP BY test_id, variant_hash HAVING bool_or(expected) AND bool_or(NOT expected)`,
  failing: `SELECT test_id, any_value(parent.id) AS invocation FROM results
GROUP BY test_id, variant_hash HAVING NOT bool_or(expected)`,
} as const;

export class Warehouse {
  readonly #connection: Awaited<ReturnType<DuckDBInstance['connect']>>;

  private constructor(connection: Awaited<ReturnType<DuckDBInstance['connect']>>) {
    this.#connection = connection;
  }

  static async open(parquetFile: string): Promise<Warehouse> {
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    const file = parquetFile.replaceAll("'", "''");
    await connection.run(`CREATE VIEW results AS FROM read_parquet('${file}')`);
    return new Warehouse(connection);
  }

  async rows(sql: string): Promise<Record<string, unknown>[]> {
    const reader = await this.#connection.runAndReadAll(sql);
    return reader.getRowObjectsJson() as Record<string, unknown>[];
  }

  async totals(): Promise<Totals> {
    const [row] = await this.rows(QUERIES.totals);
    if (row === undefined) throw new Error('the totals query returned no row');
    return {
      passed: Number(row.passed),
      failed: Number(row.failed),
      skipped: Number(row.skipped),
    };
  }

  close(): void {
    this.#connection.closeSync();
  }
}
