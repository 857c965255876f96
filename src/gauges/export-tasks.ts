/**
 * How many export tasks there are, by table and by what becomes of them. Tasks to one table have equal
 * payloads, so the database counts, and few rows are transferred.
 */

import { fromBinary } from '@bufbuild/protobuf';
import type { EpochMs } from '@postlude/queue/foundations';
import { bytes, int, nullable, type Reader, raw, sql, timestamp } from '@postlude/queue/storage';
import { tasks } from '@postlude/queue/tables';
import { BQ_EXPORT } from '../exporter/task.ts';
import { BigQueryExportSchema } from '../gen/luci/resultdb/v1/invocation_pb.js';
import { MAX_COUNTED } from './bounds.ts';

/**
 * - `running`: a worker has it.
 * - `failing`: its last attempt failed, and it will be tried again.
 * - `pending`: it has not been tried yet.
 */
export type ExportTaskState = 'running' | 'failing' | 'pending';

export interface ExportTaskCount {
  readonly table: string;
  readonly state: ExportTaskState;
  readonly count: number;
}

const MAX_TABLES = 20;
/** The name of all tables together that have fewer tasks than those that are named. */
const OTHERS = 'others';
const STATES: readonly ExportTaskState[] = ['running', 'failing', 'pending'];

/** Counts among the first MAX_COUNTED tasks, and names the tables that have most of them. */
export async function countExportTasks(reader: Reader, now: EpochMs): Promise<ExportTaskCount[]> {
  const rows = await reader.query(
    sql`SELECT payload, state, count(*) AS total FROM (
          SELECT payload, CASE WHEN lease_until > ${timestamp(now)} THEN 0
                               WHEN last_error IS NOT NULL THEN 1 ELSE 2 END AS state
          FROM ${tasks} WHERE type = ${BQ_EXPORT.name}
          ORDER BY id LIMIT ${raw(String(MAX_COUNTED))}) AS first_tasks
        GROUP BY payload, state`,
    { payload: nullable(bytes), state: int, total: int },
  );
  const counts = rows.map(({ payload, state, total }) => ({
    table: tableOf(payload),
    state: STATES[state] ?? 'pending',
    count: total,
  }));
  return summed(withFewTables(counts));
}

function tableOf(payload: Uint8Array | undefined): string {
  try {
    const { dataset, project, table } = fromBinary(
      BigQueryExportSchema,
      payload ?? new Uint8Array(),
    );
    return [project, dataset, table].join('.');
  } catch {
    return OTHERS; // The task will be dead, with this as its reason.
  }
}

function withFewTables(counts: readonly ExportTaskCount[]): ExportTaskCount[] {
  const totals = new Map<string, number>();
  for (const { count, table } of counts) totals.set(table, (totals.get(table) ?? 0) + count);
  const most = [...totals].sort((a, b) => b[1] - a[1]).slice(0, MAX_TABLES);
  const named = new Set(most.map(([table]) => table));
  return counts.map((each) => (named.has(each.table) ? each : { ...each, table: OTHERS }));
}

function summed(counts: readonly ExportTaskCount[]): ExportTaskCount[] {
  const sums = new Map<string, ExportTaskCount>();
  for (const each of counts) {
    const key = JSON.stringify([each.table, each.state]);
    sums.set(key, { ...each, count: each.count + (sums.get(key)?.count ?? 0) });
  }
  return [...sums.values()];
}
