/** Counts results by status. The database counts, so that only the counts are transferred. */

import { chunk } from '@postlude/queue/foundations';
import {
  bool,
  type Database,
  int,
  nullable,
  type Reader,
  type ReadOptions,
  raw,
  sql,
  textArray,
} from '@postlude/queue/storage';
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
async function countByStatus(reader: Reader, rowIds: readonly RowId[]): Promise<StatusCount[]> {
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

/** The number of invocations in one query; each has its own range of keys. */
const BATCH_IDS = 100;

/** Counts the results of any number of invocations in batches, so a change made meanwhile may be counted in part. */
export async function* countInBatches(
  db: Pick<Database, 'read'>,
  rowIds: readonly RowId[],
  options: ReadOptions,
): AsyncGenerator<StatusCount, void, void> {
  for (const batch of chunk(rowIds, BATCH_IDS)) {
    yield* await db.read((reader) => countByStatus(reader, batch), options);
  }
}
