/** Counts results by status. The database counts, so that only the counts are transferred. */

import { bool, int, nullable, type Reader, raw, sql, textArray } from '@postlude/queue/storage';
import type { RowId } from '../invocations/id.ts';
import { testResults } from './test-results.ts';
import { statusOf, type TestStatus } from './test-status.ts';

export interface StatusCount {
  readonly status: TestStatus;
  readonly expected: boolean;
  readonly results: number;
}

const COLUMNS = { status: int, isUnexpected: nullable(bool), results: int };

/** Counts the results of these invocations alone. They must be few enough for one query. */
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
    status: statusOf(status),
    results,
    expected: isUnexpected !== true,
  }));
}
