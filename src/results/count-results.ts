/** How many results there are of each status, counted by the database: nothing but the counts travels. */
import type { RowId } from '../invocations/id.ts';
import { bool, int, nullable, textArray } from '../storage/column.ts';
import type { Reader } from '../storage/database.ts';
import { raw, sql } from '../storage/sql.ts';
import { testResults } from './test-results.ts';
import { statusOf, type TestStatus } from './test-status.ts';

export interface StatusCount {
  readonly status: TestStatus;
  readonly expected: boolean;
  readonly results: number;
}

const COLUMNS = { status: int, isUnexpected: nullable(bool), results: int };

/** Of these invocations alone, of which there are few enough for one query. */
export async function countByStatus(
  reader: Reader,
  rowIds: readonly RowId[],
): Promise<StatusCount[]> {
  const rows = await reader.query(
    sql`SELECT status, is_unexpected, count(*) AS results FROM ${testResults}
        WHERE ${reader.dialect.isAnyOf(raw('invocation_id'), textArray(rowIds))}
        GROUP BY status, is_unexpected`,
    COLUMNS,
  );
  return rows.map(({ status, isUnexpected, results }) => ({
    ...{ status: statusOf(status), results },
    expected: isUnexpected !== true,
  }));
}
